//! Tools and a prompt that need something from the client before they can answer, as from
//! 2026-07-28 on: the result says what is asked for, and the call is made again with it.
//!
//! State that a client hands back is sealed: it is bound to its tool, it expires, and what was
//! changed is refused.
use std::time::Duration;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ClientCapabilities, CreateMessageResult, ElicitResult,
    ElicitationAction, GetPromptResponse, GetPromptResult, InputRequest, InputRequests,
    InputRequiredResult, InputResponses, ListRootsResult, RequestStateCodec, SealOptions,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::ask::{declared, model_request, stated, user_request};
use super::limits::REQUEST_STATE_MS_MAX;
use super::prompts;
use super::tools::said;

/// One call, and what the client has given so far.
struct Round<'a> {
    codec: &'a RequestStateCodec,
    tool: &'a str,
    responses: InputResponses,
    /// What this server had sealed for the call.
    state: Option<Vec<u8>>,
    client: ClientCapabilities,
}

/// Calls a tool that asks for input.
pub(super) fn tool(
    codec: &RequestStateCodec,
    request: CallToolRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let name = request.name.as_ref();
    let opened = request.request_state.map(|state| codec.open_with(&state, name.as_bytes()));
    let state = opened.transpose().map_err(|error| {
        ErrorData::invalid_params(format!("requestState was not accepted: {error}"), None)
    })?;
    let responses = request.input_responses.unwrap_or_default();
    let round = Round { codec, tool: name, responses, state, client: declared(context) };
    match name {
        "test_input_required_result_elicitation" | "test_streaming_elicitation" => round.greet(),
        "test_input_required_result_sampling" => round.ask_model(),
        "test_input_required_result_list_roots" => round.ask_roots(),
        "test_input_required_result_request_state"
        | "test_input_required_result_tampered_state" => round.confirm(),
        "test_input_required_result_multiple_inputs" => round.ask_three(),
        "test_input_required_result_multi_round" => round.ask_twice(),
        "test_input_required_result_capabilities" => round.ask_what_is_there(),
        _ => Err(ErrorData::invalid_params(format!("there is no tool {name}"), None)),
    }
}

/// Gets the prompt that asks for its context.
pub(super) fn prompt(
    responses: &InputResponses,
    context: &RequestContext<RoleServer>,
) -> Result<GetPromptResponse, ErrorData> {
    if let Some(text) = told(responses, "user_context", "context")? {
        let message = prompts::said(&format!("The context is: {text}"));
        return Ok(GetPromptResult::new(vec![message]).into());
    }
    let wanted = [("user_context", text_request("What context should the prompt use?", "context"))];
    let requests = requests(&declared(context), wanted)?;
    Ok(InputRequiredResult::from_input_requests(requests).into())
}

impl Round<'_> {
    fn greet(&self) -> Result<CallToolResponse, ErrorData> {
        match told(&self.responses, "user_name", "name")? {
            Some(name) => Ok(said(&format!("Hello, {name}!")).into()),
            None => self.ask(None, [("user_name", text_request("What is your name?", "name"))]),
        }
    }

    fn ask_model(&self) -> Result<CallToolResponse, ErrorData> {
        match self.given::<CreateMessageResult>("capital_question")? {
            Some(answer) => Ok(said(&spoken(&answer)).into()),
            None => {
                let request = model_request("What is the capital of France?");
                self.ask(None, [("capital_question", request)])
            }
        }
    }

    fn ask_roots(&self) -> Result<CallToolResponse, ErrorData> {
        match self.given::<ListRootsResult>("client_roots")? {
            Some(answer) => Ok(said(&named(&answer)).into()),
            None => self.ask(None, [("client_roots", roots_request())]),
        }
    }

    fn confirm(&self) -> Result<CallToolResponse, ErrorData> {
        let confirmed = self.given::<ElicitResult>("confirm")?;
        if let (Some(_), Some(_)) = (confirmed, &self.state) {
            return Ok(said("state-ok").into());
        }
        let properties = json!({ "ok": { "type": "boolean" } });
        let schema = json!({ "type": "object", "properties": properties, "required": ["ok"] });
        self.ask(Some("asked"), [("confirm", user_request("Please confirm", schema))])
    }

    fn ask_three(&self) -> Result<CallToolResponse, ErrorData> {
        let name = told(&self.responses, "user_name", "name")?;
        let greeting = self.given::<CreateMessageResult>("greeting")?;
        let roots = self.given::<ListRootsResult>("client_roots")?;
        if let (Some(name), Some(greeting), Some(roots), Some(_)) =
            (name, greeting, roots, &self.state)
        {
            let text = format!("{} {name}: {}", spoken(&greeting), named(&roots));
            return Ok(said(&text).into());
        }
        let wanted = [
            ("user_name", text_request("What is your name?", "name")),
            ("greeting", model_request("Generate a greeting")),
            ("client_roots", roots_request()),
        ];
        self.ask(Some("asked"), wanted)
    }

    fn ask_twice(&self) -> Result<CallToolResponse, ErrorData> {
        let name = told(&self.responses, "step1", "name")?;
        let color = told(&self.responses, "step2", "color")?;
        let state = self.state.as_deref().map(String::from_utf8_lossy).unwrap_or_default();
        if let (Some(color), Some(name)) = (color, state.strip_prefix("second ")) {
            return Ok(said(&format!("{name} likes {color}.")).into());
        }
        if let (Some(name), "first") = (name, &*state) {
            let request = text_request("Step 2: What is your favorite color?", "color");
            return self.ask(Some(&format!("second {name}")), [("step2", request)]);
        }
        let request = text_request("Step 1: What is your name?", "name");
        self.ask(Some("first"), [("step1", request)])
    }

    fn ask_what_is_there(&self) -> Result<CallToolResponse, ErrorData> {
        if !self.responses.is_empty() {
            return Ok(said("That was all.").into());
        }
        let wanted = [
            ("greeting", model_request("Generate a greeting")),
            ("user_name", text_request("What is your name?", "name")),
            ("client_roots", roots_request()),
        ];
        let can = [
            self.client.sampling.is_some(),
            self.client.elicitation.is_some(),
            self.client.roots.is_some(),
        ];
        let wanted =
            wanted.into_iter().zip(can).filter_map(|(request, can)| can.then_some(request));
        self.ask(None, wanted)
    }

    /// A result that asks for something, with a state to be handed back.
    fn ask<'a>(
        &self,
        state: Option<&str>,
        wanted: impl IntoIterator<Item = (&'a str, Value)>,
    ) -> Result<CallToolResponse, ErrorData> {
        let requests = requests(&self.client, wanted)?;
        let bound = SealOptions::new()
            .associated_data(self.tool.as_bytes())
            .ttl(Duration::from_millis(REQUEST_STATE_MS_MAX));
        let sealed = state.map(|state| self.codec.seal_with(state.as_bytes(), &bound));
        Ok(InputRequiredResult::new(Some(requests), sealed).into())
    }

    /// What was given under a name.
    fn given<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ErrorData> {
        given(&self.responses, name)
    }
}

/// Requests by name; refused when the client cannot answer one of them.
pub(super) fn requests<'a>(
    client: &ClientCapabilities,
    wanted: impl IntoIterator<Item = (&'a str, Value)>,
) -> Result<InputRequests, ErrorData> {
    let mut requests = InputRequests::new();
    for (name, request) in wanted {
        let request: InputRequest = stated(request)?;
        let (can, capability) = match &request {
            InputRequest::CreateMessage(_) => (client.sampling.is_some(), "sampling"),
            InputRequest::Elicitation(_) => (client.elicitation.is_some(), "elicitation"),
            _ => (client.roots.is_some(), "roots"),
        };
        if !can {
            let required = stated(json!({ capability: {} }))?;
            return Err(ErrorData::missing_required_client_capability(required));
        }
        requests.insert(name.to_owned(), request);
    }
    Ok(requests)
}

fn given<T: DeserializeOwned>(
    responses: &InputResponses,
    name: &str,
) -> Result<Option<T>, ErrorData> {
    responses
        .get(name)
        .map(|response| serde_json::from_value(response.clone()))
        .transpose()
        .map_err(|error| {
            ErrorData::invalid_params(
                format!("inputResponses.{name} was not accepted: {error}"),
                None,
            )
        })
}

/// The text the user gave; nothing when they gave none.
pub(super) fn told(
    responses: &InputResponses,
    name: &str,
    property: &str,
) -> Result<Option<String>, ErrorData> {
    let answer: Option<ElicitResult> = given(responses, name)?;
    Ok(answer.filter(|answer| answer.action == ElicitationAction::Accept).and_then(|answer| {
        let text = answer.content?.get(property)?.as_str()?.to_owned();
        Some(text)
    }))
}

fn spoken(answer: &CreateMessageResult) -> String {
    let block = answer.message.content.first();
    let text = block.and_then(|block| block.as_text()).map(|text| text.text.clone());
    text.unwrap_or_else(|| "nothing in words".into())
}

fn named(answer: &ListRootsResult) -> String {
    let roots: Vec<_> = answer.roots.iter().map(|root| root.uri.as_str()).collect();
    format!("{} roots: {}", roots.len(), roots.join(", "))
}

/// A request to the user for one text.
pub(super) fn text_request(message: &str, property: &str) -> Value {
    let properties = json!({ property: { "type": "string" } });
    let schema = json!({ "type": "object", "properties": properties, "required": [property] });
    user_request(message, schema)
}

fn roots_request() -> Value {
    json!({ "method": "roots/list" })
}
