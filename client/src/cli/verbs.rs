//! The verbs that ask one question and print the answer.
//!
//! Each is three lines: ask, print, say how it ended. What the answer looks like is in `view` and `status`, what an error
//! means is in `exit`. They use the questions of the library that do not fail open: whoever types a command wants to know
//! that there is no agent.

use std::time::SystemTime;

use breaker_client::socket_path::Environment;
use breaker_client::{Client, Connector, Options};
use futures_util::StreamExt;

use super::args::{self, Cli, Report, Verb};
use super::exit::{Exit, Trouble};
use super::output::{Output, Reader};
use super::{status, status_detail, view};

/// A client as the flags want it.
pub(crate) fn client(cli: &Cli) -> Client {
    let connector = match &cli.socket {
        Some(path) => Connector::path(path),
        None => Connector::default_places(&Environment::of_process()),
    };
    Client::connect_with(connector, &Options::with_deadline(cli.deadline))
}

/// Carries out any verb but `run`.
pub(crate) async fn carry_out(cli: &Cli, verb: &Verb, output: &Output) -> Result<Exit, Trouble> {
    let client = client(cli);
    match verb {
        Verb::Status { service: None, peers } => show_all(&client, *peers, output).await,
        Verb::Status { service: Some(service), peers } => show_one(&client, service, *peers, output).await,
        Verb::Check { service } => check(&client, service, output).await,
        Verb::Report(said) => report(&client, said, output).await,
        Verb::Members => show_members(&client, output).await,
        Verb::Watch => watch(&client, output).await,
        operation => operate(&client, operation, output).await,
    }
}

async fn show_all(client: &Client, peers: bool, output: &Output) -> Result<Exit, Trouble> {
    let page = client.status(args::with_peers(peers)).await?;
    output.answer(|palette| status::render(&page, palette), &page)?;
    Ok(Exit::Ok)
}

async fn show_one(client: &Client, service: &str, peers: bool, output: &Output) -> Result<Exit, Trouble> {
    let page = client.status_of(service, args::with_peers(peers)).await?;
    let Some(found) = page.services.first() else {
        return Err(Trouble::new(Exit::UnknownService, format!("the agent has not been asked for {service} yet")));
    };
    output.answer(|palette| status_detail::render(&page, found, palette), &page)?;
    Ok(Exit::Ok)
}

async fn check(client: &Client, service: &str, output: &Output) -> Result<Exit, Trouble> {
    match client.acquire_detached(service).await? {
        Ok(permit) => {
            output.answer(|_| view::granted(service, &permit), &view::granted_document(service, &permit))?;
            Ok(Exit::Ok)
        }
        Err(rejected) => {
            let document = view::refused_document(service, &rejected.0);
            output.answer(|_| view::refused(service, &rejected.0), &document)?;
            Ok(Exit::Refused)
        }
    }
}

async fn report(client: &Client, said: &Report, output: &Output) -> Result<Exit, Trouble> {
    let receipt = match said.permit {
        Some(permit) => client.report_detached(permit, said.call()).await?,
        None => client.report_unasked_and_wait(&said.service, said.call()).await?,
    };
    output.answer(|_| view::receipt(&receipt).to_owned(), &receipt)?;
    Ok(Exit::Ok)
}

async fn show_members(client: &Client, output: &Output) -> Result<Exit, Trouble> {
    let members = client.members().await?;
    output.answer(|palette| view::members(&members, palette), &members)?;
    Ok(Exit::Ok)
}

async fn operate(client: &Client, verb: &Verb, output: &Output) -> Result<Exit, Trouble> {
    let operation = verb.operation().expect("invariant: the verbs that are left are operations");
    client.operate(operation.clone()).await?;
    output.answer(|_| view::operated(&operation), &view::operated_document(&operation))?;
    Ok(Exit::Ok)
}

/// Until the agent or the reader has gone.
async fn watch(client: &Client, output: &Output) -> Result<Exit, Trouble> {
    let mut events = client.watch().await?;
    while let Some(event) = events.next().await {
        let (at, event) = (SystemTime::now(), event?);
        if output.answer(|_| view::event(at, &event), &view::EventDocument::new(at, &event))? == Reader::Gone {
            break;
        }
    }
    Ok(Exit::Ok)
}
