-- Opens a script as a person would, shows what PICTURE names, and says when the screen stands still.
local picture, done = vim.env.PICTURE, vim.env.DONE

vim.opt.termguicolors = true
vim.opt.number = true
vim.opt.signcolumn = "yes"
vim.opt.laststatus = 0
vim.opt.showcmd = false
vim.opt.ruler = false
vim.opt.showmode = false
vim.opt.shortmess:append("IF")
vim.opt.cursorline = true
vim.opt.wrap = false
vim.o.winborder = "rounded"
vim.api.nvim_set_hl(0, "LspInlayHint", { fg = "#8c93a8", italic = true })
vim.diagnostic.config({ virtual_text = true, severity_sort = true })
require("flow").setup({ inlay_hints = picture == "hints" })

local function until_true(what, condition)
  if not vim.wait(20000, condition, 50) then
    vim.fn.writefile({ "nothing came of: " .. what }, done)
    vim.cmd("cquit")
  end
end

--- Puts the cursor on the first letter of a text.
local function go(text)
  vim.fn.cursor(1, 1)
  assert(vim.fn.search("\\V" .. text) > 0, text)
end

local function floats()
  return vim.tbl_filter(function(window) return vim.api.nvim_win_get_config(window).relative ~= "" end, vim.api.nvim_list_wins())
end

--- The screen stands still: the colours of the server come last.
local function stands_still()
  vim.defer_fn(function()
    vim.cmd("redraw!")
    vim.fn.writefile({ "shown" }, done)
  end, 1500)
end

--- Opens a float when the cursor has come to a text: a cursor that moves closes it again.
local function float_at(text, open)
  go(text)
  vim.defer_fn(function()
    open()
    until_true("a float", function() return #floats() > 0 end)
    stands_still()
  end, 1000)
end

local function shown()
  until_true("a server", function()
    local client = vim.lsp.get_clients({ bufnr = 0 })[1]
    return client and client.initialized
  end)
  if picture == "mistake" then
    until_true("a mistake", function() return #vim.diagnostic.get(0) > 0 end)
    float_at("slwo", function() vim.diagnostic.open_float({ scope = "cursor" }) end)
  elseif picture == "hover" then
    float_at("aggregate", function() vim.lsp.buf.hover({ max_width = 92 }) end)
  else
    until_true("hints", function() return #vim.lsp.inlay_hint.get({ bufnr = 0 }) > 3 end)
    go("keyBy")
    stands_still()
  end
end

vim.api.nvim_create_autocmd("VimEnter", { callback = function() vim.schedule(shown) end })
