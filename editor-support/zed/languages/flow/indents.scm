(_ "{" "}" @end) @indent
(_ "[" "]" @end) @indent
(_ "(" ")" @end) @indent
[(source_declaration) (table_declaration) (stream_declaration) (sink_declaration)] @indent
