(doc_comment) @annotation
(job_declaration "job" @context name: (_) @name) @item
(param_declaration "param" @context name: (_) @name) @item
(const_declaration "const" @context name: (_) @name) @item
(type_declaration "type" @context name: (_) @name) @item
(function_declaration "fn" @context name: (_) @name) @item
(source_declaration "source" @context name: (_) @name) @item
(table_declaration "table" @context name: (_) @name) @item
(stream_declaration "stream" @context name: (_) @name) @item
(sink_declaration "sink" @context name: (_) @name) @item
(test_declaration "test" @context name: (_) @name) @item
