//! Services' tokens while the store does not do as it should.

use macadam_platform::service_tokens::ServiceRefused;
use macadam_store::{Obstacle, StoreError};

use super::super::SignInError;
use crate::problem::{Problem, ProblemKind};

#[test]
fn a_store_that_is_away_turns_no_service_out_and_one_that_is_broken_is_the_hosts_failure() {
    let corrupt = StoreError::Corrupt { what: "service token".to_owned(), detail: "no such role".to_owned() };
    for (error, kind) in [
        (StoreError::Away, ProblemKind::Unavailable),
        (StoreError::Unwritten(Obstacle::Full), ProblemKind::Unavailable),
        (corrupt, ProblemKind::Internal),
    ] {
        let said = error.to_string();
        let problem = Problem::from(SignInError::from(ServiceRefused::Store(error)));
        assert_eq!(problem.kind(), kind, "a service is told of it as people are: {said}");
    }
}
