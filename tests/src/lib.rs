//! What the integration tests share: the workspace's files, and real agents to start, call and abuse.

pub mod abuse;
pub mod stage;
pub mod tidy;
