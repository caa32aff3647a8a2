; Declarations belong to the whole script; what a function, a lambda, a stage or a pipeline names belongs to it.

[
  (script)
  (function_declaration)
  (stream_declaration)
  (sink_declaration)
  (flat_map_stage)
  (join_stage)
  (lambda)
] @local.scope

(job_declaration name: (_) @local.definition)
(param_declaration name: (_) @local.definition)
(const_declaration name: (_) @local.definition)
(type_declaration name: (_) @local.definition)
(function_declaration name: (_) @local.definition)
(source_declaration name: (_) @local.definition)
(table_declaration name: (_) @local.definition)
(stream_declaration name: (_) @local.definition)
(sink_declaration name: (_) @local.definition)

(parameter name: (_) @local.definition)
(let_binding name: (_) @local.definition)
(lambda_parameters (_) @local.definition)
(flat_map_stage variable: (_) @local.definition)
(join_stage alias: (_) @local.definition)
(stream_declaration alias: (_) @local.definition)
(sink_declaration alias: (_) @local.definition)

(path name: (_) @local.reference)
(type_name (_) @local.reference)
(call function: (_) @local.reference)
(expression/identifier) @local.reference
(expression/quoted_identifier) @local.reference
