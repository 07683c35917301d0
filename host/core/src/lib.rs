//! Macadam's domain: the words of the platform as types, and the decisions that need nothing but their arguments.
//!
//! Nothing here reads a file, waits, or asks for the time: a moment, a random number or an id comes in as an argument.
//! That is what makes a decision replayable. Every other crate builds on this one, and this one knows none of them.
//!
//! | module | what it holds |
//! |---|---|
//! | [`names`] | validated names: plugins, people, teams, environments, resources |
//! | [`digest`], [`canonical`] | sha256 digests; canonical JSON, and documents held as it |
//! | [`kind`] | the table of plugin kinds |
//! | [`limits`] | what a plugin's call may use, and what it used |
//! | [`misread`] | what is said of a value that cannot be read, without the value |
//! | [`money`], [`estimate`] | exact prices and what a request costs |
//! | [`request`] | what people ask for |
//! | [`verdict`] | what policies answer, and how answers combine |
//! | [`standing`] | what a team may have and has |
//! | [`plan`] | what a provider will do, did, and sees |
//! | [`approvals`] | which approvals a request still needs |
//! | [`postgres_address`] | what the address of a database may say |
//! | [`project`] | generated projects and the paths they may hold |
//! | [`selector`] | which tags a thing has to have, as Kubernetes writes it |
//! | [`service`] | what calls without being a person, and what its token is for |
//! | [`lifecycle`] | the states of requests, resources and jobs |
//! | [`mod@text_schema`] | how texts with a rule look in the API's document |
//! | [`signature`] | how a webhook's message is signed and checked |
//! | [`quarantine`] | when a plugin that keeps failing is not asked |
//! | [`remark`] | what people say of what they do, as long as people write |
//! | [`retry`] | which failures are worth another try, when, and for how long |
//! | [`retry_after`] | when whoever has too much to do wants to be asked again |
//! | [`trace`] | a place in a trace, as it is handed on |
//! | [`audit`] | the audit log's entries, chains and heads, and how they are verified |

pub mod approvals;
pub mod audit;
pub mod canonical;
pub mod digest;
pub mod estimate;
pub mod kind;
pub mod lifecycle;
pub mod limits;
pub mod misread;
pub mod money;
pub mod names;
pub mod plan;
pub mod postgres_address;
pub mod project;
pub mod quarantine;
pub mod remark;
pub mod request;
pub mod retry;
pub mod retry_after;
pub mod selector;
pub mod service;
pub mod signature;
pub mod standing;
pub mod text_schema;
pub mod trace;
pub mod verdict;
pub mod violation;
