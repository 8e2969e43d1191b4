//! What the integration tests share: the workspace's files, and (in `stage`) real agents to start.

pub mod tidy;
