(function_declaration body: (_) @function.inside) @function.around
[(stream_declaration) (sink_declaration) (source_declaration) (table_declaration)] @class.around
(test_declaration (test_step)* @test.inside) @test.around
(parameter) @parameter.inside
(argument) @parameter.inside
[(line_comment) (block_comment) (doc_comment)] @comment.inside
(line_comment)+ @comment.around
(doc_comment)+ @comment.around
(record_field value: (_) @entry.inside) @entry.around
(type_field type: (_) @entry.inside) @entry.around
