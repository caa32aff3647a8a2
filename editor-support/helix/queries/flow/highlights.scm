; As in ../../../tree-sitter-flow/queries, with the names of Helix's themes.

(line_comment) @comment.line
(block_comment) @comment.block
(doc_comment) @comment.block.documentation

[
  "import" "job" "param" "const" "type" "fn" "source" "table" "stream" "sink" "test"
  "let" "key" "as" "on" "asOf"
  "given" "advance" "expect" "ordered" (savepoint_step) "restore" "into"
] @keyword

["if" "then" "else" "match" "try"] @keyword.control.conditional

["and" "or" "not" "in"] @keyword.operator

(sort_key ["asc" "desc"] @keyword)

[
  "|>" "->" "=>" "=" "==" "!=" "<" "<=" ">" ">=" "??" "+" "-" "*" "/" "%" ".." "?"
] @operator

["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter

; ---- literals

(integer) @constant.numeric.integer
(float) @constant.numeric.float
(decimal) @constant.numeric.float
(duration) @constant.numeric.integer
(size) @constant.numeric.integer
(timestamp) @string.special
(boolean) @constant.builtin.boolean
(null) @constant.builtin

(string "\"" @string)
(string_text) @string
(raw_string ["r\"" "\""] @string)
(raw_text) @string
(bytes) @string
(escape) @constant.character.escape
(interpolation_start) @punctuation.special
(interpolation_end) @punctuation.special

; ---- declarations

(job_declaration name: (_) @namespace)
(param_declaration name: (_) @constant)
(const_declaration name: (_) @constant)
(type_declaration name: (_) @type)
(function_declaration name: (_) @function)
(source_declaration name: (_) @variable)
(table_declaration name: (_) @variable)
(stream_declaration name: (_) @variable)
(sink_declaration name: (_) @variable)
(table_declaration key: (_) @variable.other.member)
(parameter name: (_) @variable.parameter)
(let_binding name: (_) @variable)

(annotation "@" @attribute name: (identifier) @attribute)
(path name: (_) @variable)
(path side: (_) @variable.other.member)
(connector name: (_) @function)
(job_option name: (_) @variable.other.member)

; ---- stages

(call_stage operator: (_) @function.method)
(record_stage operator: (_) @function.method)
(flat_map_stage operator: (_) @function.method)
(join_stage operator: (_) @function.method)
(call_stage alias: (_) @variable)
(join_stage alias: (_) @variable)
(stream_declaration alias: (_) @variable)
(sink_declaration alias: (_) @variable)
(flat_map_stage variable: (_) @variable.other.member)

; ---- types

(type_name (_) @type)
(generic_type name: (_) @type)
(type_field name: (_) @variable.other.member)

; ---- expressions

(call function: (_) @function)
(map "map" @keyword)
(argument name: (_) @variable.parameter)
(record_field name: (_) @variable.other.member)
(kept_field (identifier) @variable.other.member)
(kept_field (quoted_identifier) @variable.other.member)
(field_access name: (_) @variable.other.member)
(method_call name: (_) @function)
(rest of: (_) @variable)
(lambda_parameters (_) @variable.parameter)
(wildcard) @variable.builtin
