-- Scripts are known by their ending. An autocommand, because `vim.filetype` is off by default before 0.8.
vim.api.nvim_create_autocmd({ "BufRead", "BufNewFile" }, {
  pattern = "*.flow",
  -- `*.flow` may also be JavaScript of the type checker Flow; there nothing but its ending says so.
  callback = function() vim.bo.filetype = "flow" end,
})
