//! The prompts that the conformance tests get, and how their arguments are completed.
use rmcp::model::{
    CompleteRequestParams, CompleteResult, CompletionInfo, ContentBlock, GetPromptRequestParams,
    GetPromptResponse, GetPromptResult, JsonObject, Prompt, PromptArgument, PromptMessage,
    Reference, ResourceContents, Role,
};
use rmcp::service::RequestContext;
use rmcp::{ErrorData, RoleServer};
use serde_json::Value;

use super::catalog::PNG;
use super::change::{Change, Changes};
use super::input;

const SIMPLE: &str = "test_simple_prompt";
const WITH_ARGUMENTS: &str = "test_prompt_with_arguments";
const WITH_RESOURCE: &str = "test_prompt_with_embedded_resource";
const WITH_IMAGE: &str = "test_prompt_with_image";
const WITH_INPUT: &str = "test_input_required_result_prompt";
const COMES_AND_GOES: &str = "test_dynamic_prompt";

/// What an argument of [`WITH_ARGUMENTS`] is completed to.
const WORDS: [&str; 5] = ["paris", "park", "party", "testValue1", "testValue2"];

/// Every prompt there is now.
pub(super) fn all(changes: &Changes) -> Vec<Prompt> {
    let argument = |name, description| {
        PromptArgument::new(name).with_description(description).with_required(true)
    };
    let mut prompts = vec![
        Prompt::new(SIMPLE, Some("A prompt without arguments"), None),
        Prompt::new(
            WITH_ARGUMENTS,
            Some("A prompt that names its arguments"),
            Some(vec![argument("arg1", "The first"), argument("arg2", "The second")]),
        ),
        Prompt::new(
            WITH_RESOURCE,
            Some("A prompt with a resource in it"),
            Some(vec![argument("resourceUri", "The resource's address")]),
        ),
        Prompt::new(WITH_IMAGE, Some("A prompt with a picture in it"), None),
        Prompt::new(WITH_INPUT, Some("A prompt that asks the user first"), None),
    ];
    if changes.is_there(Change::Prompts) {
        prompts.push(Prompt::new(COMES_AND_GOES, Some("A prompt that comes and goes"), None));
    }
    prompts
}

/// A prompt with its arguments filled in.
pub(super) fn get(
    changes: &Changes,
    request: GetPromptRequestParams,
    context: &RequestContext<RoleServer>,
) -> Result<GetPromptResponse, ErrorData> {
    let arguments = request.arguments.unwrap_or_default();
    let messages = match request.name.as_str() {
        SIMPLE => vec![said("This is a simple prompt for testing.")],
        WITH_ARGUMENTS => {
            let (first, second) = (text(&arguments, "arg1")?, text(&arguments, "arg2")?);
            vec![said(&format!("Prompt with arguments: arg1='{first}', arg2='{second}'"))]
        }
        WITH_RESOURCE => {
            let uri = text(&arguments, "resourceUri")?;
            let resource = ResourceContents::text("Embedded resource content for testing.", uri);
            vec![
                PromptMessage::new(Role::User, ContentBlock::resource(resource)),
                said("Please process the embedded resource above."),
            ]
        }
        WITH_IMAGE => vec![
            PromptMessage::new(Role::User, ContentBlock::image(PNG, "image/png")),
            said("Please analyze the image above."),
        ],
        WITH_INPUT => {
            let responses = request.input_responses.unwrap_or_default();
            return input::prompt(&responses, context);
        }
        COMES_AND_GOES if changes.is_there(Change::Prompts) => vec![said("I came back.")],
        name => return Err(ErrorData::invalid_params(format!("there is no prompt {name}"), None)),
    };
    Ok(GetPromptResult::new(messages).into())
}

/// How an argument may go on.
pub(super) fn complete(request: &CompleteRequestParams) -> Result<CompleteResult, ErrorData> {
    let words = match &request.r#ref {
        Reference::Prompt(prompt) if prompt.name == WITH_ARGUMENTS => WORDS.as_slice(),
        _ => &[],
    };
    let begun = request.argument.value.as_str();
    let fitting = words.iter().filter(|word| word.starts_with(begun));
    let values = fitting.map(|word| (*word).to_owned()).collect();
    let completion = CompletionInfo::with_all_values(values)
        .map_err(|error| ErrorData::internal_error(error, None))?;
    Ok(CompleteResult::new(completion))
}

/// A message of the user.
pub(super) fn said(text: &str) -> PromptMessage {
    PromptMessage::new_text(Role::User, text)
}

fn text<'a>(arguments: &'a JsonObject, name: &str) -> Result<&'a str, ErrorData> {
    arguments
        .get(name)
        .and_then(Value::as_str)
        .ok_or_else(|| ErrorData::invalid_params(format!("the argument {name} is missing"), None))
}
