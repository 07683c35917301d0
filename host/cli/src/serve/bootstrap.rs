//! A first token, made by the operator of the host: whoever can write to the store needs nobody's leave.

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;
use macadam_platform::secret_token::SecretToken;
use macadam_platform::service_tokens::{self, WishedServiceToken};
use macadam_store::ServiceTokenRecord;

use crate::args::Global;
use crate::serve::config::Config;
use crate::serve::data::DataDir;
use crate::serve::database::{self, DatabaseUrl};
use crate::serve::organisation;

/// Where the store is.
#[derive(Debug, Args)]
pub(crate) struct DatabaseArgs {
    /// The configuration; macadam.toml in the data directory if nothing is said
    #[arg(long, env = "MACADAM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// The address of the PostgreSQL database that everything is in; over the configuration's `database`
    #[arg(long, env = "MACADAM_DATABASE", value_name = "URL", hide_env_values = true)]
    database: Option<DatabaseUrl>,
}

/// Makes a token in the store of a host.
pub(crate) fn bootstrap(
    global: &Global,
    args: &DatabaseArgs,
    wish: &WishedServiceToken,
) -> anyhow::Result<(ServiceTokenRecord, SecretToken)> {
    let data = DataDir::open(&global.data)?;
    let config = match &args.config {
        Some(path) => Config::read(path)?,
        None => Config::read(&data.first_config()?)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.context("no threads can be started")?.block_on(async {
        let store = database::open(&data, &config, args.database.as_ref()).await?;
        // On a host that was never started there are no teams yet.
        let made = match organisation::put(&data, &*store.store(), None).await {
            Ok(()) => service_tokens::bootstrap(&*store.store(), wish, Timestamp::now()).await.map_err(Into::into),
            Err(error) => Err(error),
        };
        store.close().await;
        made
    })
}
