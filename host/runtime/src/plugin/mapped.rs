//! A component's code in the engines: in the first from the start, in each other from the first call that one of its
//! threads makes. So a plugin that nobody calls is mapped once.

use std::sync::{Arc, OnceLock};

use wasmtime::component::InstancePre;

use crate::call::CallState;
use crate::compiled::CodeFile;
use crate::engine::shard_of_this_thread;
use crate::link::{Allowance, Shard};

/// A component's code, linked in the shards that have called it.
pub(crate) struct Mapped {
    home: InstancePre<CallState>,
    /// For the shards after the first; `None` says that the code could not be mapped there.
    others: Box<[OnceLock<Option<InstancePre<CallState>>>]>,
    code: CodeFile,
    may: Allowance,
    shards: Arc<[Shard]>,
}

impl Mapped {
    /// A component that is linked in the first shard, with the code for the others.
    pub(crate) fn new(home: InstancePre<CallState>, code: CodeFile, may: Allowance, shards: Arc<[Shard]>) -> Self {
        let others = shards.iter().skip(1).map(|_| OnceLock::new()).collect();
        Self { home, others, code, may, shards }
    }

    /// The first shard's component, which is always there.
    pub(crate) fn home(&self) -> &InstancePre<CallState> {
        &self.home
    }

    /// How many shards there are.
    pub(crate) fn shards(&self) -> usize {
        self.shards.len()
    }

    /// The shard of the current thread and the component in it. Where it cannot be mapped, such as when the process is
    /// out of descriptors, the first shard's serves: it is only slower.
    pub(crate) fn here(&self) -> (usize, &InstancePre<CallState>) {
        let index = shard_of_this_thread(self.shards.len());
        let mapped = index.checked_sub(1).and_then(|other| Some((self.others.get(other)?, self.shards.get(index)?)));
        let Some((slot, shard)) = mapped else { return (0, &self.home) };
        match slot.get_or_init(|| self.map_into(shard)) {
            Some(pre) => (index, pre),
            None => (0, &self.home),
        }
    }

    fn map_into(&self, shard: &Shard) -> Option<InstancePre<CallState>> {
        let linked = self.code.map(shard.engine()).and_then(|component| shard.link(&component, self.may));
        linked.inspect_err(|error| tracing::warn!(error = format!("{error:#}"), "a plugin has one engine less")).ok()
    }
}

#[cfg(test)]
mod tests {
    use macadam_core::digest::Digest;
    use macadam_core::kind::PluginKind;

    use super::*;
    use crate::compiled::CodeCache;
    use crate::engine::{Engines, Profile};

    #[test]
    fn every_thread_finds_the_component_in_the_engine_of_its_shard() {
        let directory = tempfile::tempdir().unwrap();
        let cache = CodeCache::open(directory.path()).unwrap();
        let engines = Engines::new(2);
        let shards: Arc<[Shard]> =
            engines.of(Profile::Compact).unwrap().engines().iter().cloned().map(Shard::new).collect();
        let component = wat::parse_str("(component (core module))").unwrap();
        let digest = Digest::of(&component);
        let engine = shards[0].engine();
        cache.keep_code(&digest, engine, &engine.precompile_component(&component).unwrap()).unwrap();
        let may = Allowance::of(PluginKind::ApprovalPolicy, false);
        let code = cache.code(&digest, engine).unwrap();
        let home = shards[0].link(&code.map(engine).unwrap(), may).unwrap();
        let mapped = Mapped::new(home, code, may, Arc::clone(&shards));
        drop(directory);
        let found: std::collections::BTreeSet<_> = std::thread::scope(|scope| {
            let look = || {
                let (index, pre) = mapped.here();
                assert!(wasmtime::Engine::same(pre.engine(), shards[index].engine()));
                index
            };
            let lookers: Vec<_> = (0..8).map(|_| scope.spawn(look)).collect();
            lookers.into_iter().map(|looker| looker.join().unwrap()).collect()
        });
        assert_eq!(found.len(), 2, "eight threads are dealt out over both shards");
    }
}
