[
  (function_declaration)
  (stream_declaration)
  (sink_declaration)
  (flat_map_stage)
  (lambda)
] @local.scope

(parameter name: (identifier) @local.definition.variable.parameter)
(lambda_parameters (identifier) @local.definition.variable.parameter)
(let_binding name: (identifier) @local.definition.variable)
(flat_map_stage variable: (identifier) @local.definition.variable.other.member)

(expression/identifier) @local.reference
