-- Two blanks a bracket; the stages and the `->` of a declaration stand one level in.
if vim.b.did_indent then return end
vim.b.did_indent = 1

vim.bo.indentexpr = "v:lua.require'flow_indent'.at(v:lnum)"
vim.bo.indentkeys = "0{,0},0),0],0=->,0=|>,!^F,o,O"
vim.bo.autoindent = true
vim.b.undo_indent = "setlocal indentexpr< indentkeys< autoindent<"
