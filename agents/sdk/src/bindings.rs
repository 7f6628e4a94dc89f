//! The component boundary, generated from `wit/agent.wit`.
wit_bindgen::generate!({
    path: "../../wit",
    world: "agent",
    pub_export_macro: true,
    export_macro_name: "export_component",
    default_bindings_module: "ainur_guest::bindings",
});
