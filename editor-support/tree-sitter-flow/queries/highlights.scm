; Each node gets one name, so it does not matter whether an editor takes the first pattern or the last.

(line_comment) @comment
(block_comment) @comment
(doc_comment) @comment.documentation

[
  "import" "job" "param" "const" "type" "fn" "source" "table" "stream" "sink" "test"
  "let" "key" "as" "on" "asOf"
  "given" "advance" "expect" "ordered" (savepoint_step) "restore" "into"
] @keyword

["if" "then" "else" "match" "try"] @keyword.conditional

["and" "or" "not" "in"] @keyword.operator

(sort_key ["asc" "desc"] @keyword)

[
  "|>" "->" "=>" "=" "==" "!=" "<" "<=" ">" ">=" "??" "+" "-" "*" "/" "%" ".." "?"
] @operator

["(" ")" "[" "]" "{" "}"] @punctuation.bracket
["," ":" "."] @punctuation.delimiter

; ---- literals

(integer) @number
(float) @number.float
(decimal) @number.float
(duration) @number
(size) @number
(timestamp) @string.special
(boolean) @boolean
(null) @constant.builtin

(string "\"" @string)
(string_text) @string
(raw_string ["r\"" "\""] @string)
(raw_text) @string
(bytes) @string
(escape) @string.escape
(interpolation_start) @punctuation.special
(interpolation_end) @punctuation.special

; ---- declarations

(job_declaration name: (_) @module)
(param_declaration name: (_) @constant)
(const_declaration name: (_) @constant)
(type_declaration name: (_) @type)
(function_declaration name: (_) @function)
(source_declaration name: (_) @variable)
(table_declaration name: (_) @variable)
(stream_declaration name: (_) @variable)
(sink_declaration name: (_) @variable)
(table_declaration key: (_) @property)
(parameter name: (_) @variable.parameter)
(let_binding name: (_) @variable)

(annotation "@" @attribute name: (identifier) @attribute)
(path name: (_) @variable)
(path side: (_) @property)
(connector name: (_) @function)
(job_option name: (_) @property)

; ---- stages

(call_stage operator: (_) @function.method)
(record_stage operator: (_) @function.method)
(flat_map_stage operator: (_) @function.method)
(join_stage operator: (_) @function.method)
(call_stage alias: (_) @variable)
(join_stage alias: (_) @variable)
(stream_declaration alias: (_) @variable)
(sink_declaration alias: (_) @variable)
(flat_map_stage variable: (_) @property)

; ---- types

(type_name (_) @type)
(generic_type name: (_) @type)
(type_field name: (_) @property)

; ---- expressions

(call function: (_) @function.call)
(map "map" @keyword)
(argument name: (_) @variable.parameter)
(record_field name: (_) @property)
(kept_field (identifier) @property)
(kept_field (quoted_identifier) @property)
(field_access name: (_) @property)
(method_call name: (_) @function.call)
(rest of: (_) @variable)
(lambda_parameters (_) @variable.parameter)
(wildcard) @variable.builtin
