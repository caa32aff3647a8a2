(job_declaration name: (_) @name) @definition.module
(param_declaration name: (_) @name) @definition.constant
(const_declaration name: (_) @name) @definition.constant
(type_declaration name: (_) @name) @definition.type
(function_declaration name: (_) @name) @definition.function
(source_declaration name: (_) @name) @definition.interface
(table_declaration name: (_) @name) @definition.interface
(stream_declaration name: (_) @name) @definition.variable
(sink_declaration name: (_) @name) @definition.variable
(test_declaration name: (_) @name) @definition.method

(path name: (_) @name) @reference.variable
(call function: (_) @name) @reference.call
(type_name (_) @name) @reference.type
