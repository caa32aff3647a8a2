; Two blanks a level, as `flow fmt` writes them. A declaration's stages and its `->` stand one level in.

[
  (job_declaration)
  (source_declaration)
  (table_declaration)
  (stream_declaration)
  (sink_declaration)
  (test_declaration)
  (block)
  (arguments)
  (parameters)
  (record)
  (record_type)
  (list)
  (map)
  (match)
] @indent.begin

["(" "[" "{"] @indent.branch.open
["}" "]" ")"] @indent.branch @indent.end

[(string) (raw_string) (bytes)] @indent.ignore
(block_comment) @indent.auto
