-- A session with the real editor and the real server: `run.sh` starts it. Each check prints a line; the first that
-- does not hold ends the editor with an error.

local ROOT = vim.fn.fnamemodify(debug.getinfo(1, "S").source:sub(2), ":p:h:h:h:h")
local WAIT = 20000
local passed = 0

local function check(what, holds, found)
  if not holds then error(what .. ": no; found " .. vim.inspect(found), 0) end
  passed = passed + 1
  io.stdout:write("ok - " .. what .. "\n")
end

local function lines() return vim.api.nvim_buf_get_lines(0, 0, -1, false) end

--- The place of a text in the buffer, as the protocol counts.
local function place(text, into)
  for row, line in ipairs(lines()) do
    local column = line:find(text, 1, true)
    if column then
      local bytes = column - 1 + (into or 0)
      return { line = row - 1, character = vim.str_utfindex and select(2, vim.str_utfindex(line, bytes)) or bytes }
    end
  end
  error("there is no `" .. text .. "`", 0)
end

local function ask(method, params)
  params.textDocument = { uri = vim.uri_from_bufnr(0) }
  local answers, failed = vim.lsp.buf_request_sync(0, method, params, WAIT)
  if not answers then error(method .. ": " .. tostring(failed), 0) end
  for _, answer in pairs(answers) do
    if answer.error then error(method .. ": " .. answer.error.message, 0) end
    return answer.result
  end
end

local function diagnostics() return vim.diagnostic.get(0) end

local function codes()
  local all = {}
  for _, one in ipairs(diagnostics()) do table.insert(all, one.code or (one.user_data.lsp or {}).code) end
  table.sort(all)
  return table.concat(all, " ")
end

--- Waits until the findings are these.
local function await(wanted)
  vim.wait(WAIT, function() return codes() == wanted end, 20)
  return codes() == wanted
end

local SCRIPT = {
  "/// One bid. 𝄞",
  "type Bid = { auction: int, price: int, channel: string }",
  'source bids: Bid = file("bids.ndjson", format: json)',
  "stream dear = bids",
  '  |> filter(price > 100 && channel != "𝄞")',
  "  |> keyBy(auction)",
  "  |> aggregate { n: count(), top: max(price) }",
  "sink out = dear -> stdout(format: json)",
}

local function session()
  local file = vim.fn.tempname() .. ".flow"
  vim.fn.writefile(SCRIPT, file)
  vim.cmd("edit " .. vim.fn.fnameescape(file))
  check("the ending makes the type of the file", vim.bo.filetype == "flow", vim.bo.filetype)

  local function client() return (vim.lsp.get_clients or vim.lsp.get_active_clients)({ bufnr = 0 })[1] end
  check("the server starts", vim.wait(WAIT, function() return client() and client().initialized ~= false end, 20))

  check("a mistake shows while typing", vim.wait(WAIT, function() return #diagnostics() > 0 end, 20), diagnostics())
  local first = diagnostics()[1]
  check("it stands at its place", first.lnum == 4 and lines()[5]:sub(first.col + 1, first.col + 2) == "&&", first)
  check("it says what is wrong", first.message:find("&&", 1, true) ~= nil, first.message)

  local at = place("&&")
  local stop = { line = at.line, character = at.character + 2 }
  local actions = ask("textDocument/codeAction", { range = { start = at, ["end"] = stop }, context = { diagnostics = {} } })
  local fix
  for _, action in ipairs(actions) do fix = fix or (action.kind == "quickfix" and action.edit and action) end
  check("there is a fix for it", fix, actions)
  vim.lsp.util.apply_workspace_edit(fix.edit, client().offset_encoding)
  check("the fix mends the line", lines()[5] == '  |> filter(price > 100 and channel != "𝄞")', lines()[5])
  check("then nothing is wrong any more", await(""), diagnostics())

  local hover = ask("textDocument/hover", { position = place("dear", 1) })
  check("hover tells the rows of a stream", vim.inspect(hover.contents):find("auction", 1, true), hover)

  local definition = ask("textDocument/definition", { position = place("= bids", 3) })
  definition = definition and (definition[1] or definition)
  local target = definition and (definition.targetSelectionRange or definition.range)
  check("the definition of a name is found behind an astral character", target and target.start.line == 2, definition)

  vim.api.nvim_buf_set_lines(0, 5, 5, false, { "  |> fil" })
  check("half a word is a mistake", vim.wait(WAIT, function() return #diagnostics() > 0 end, 20))
  local offered = ask("textDocument/completion", { position = place("|> fil", 6) })
  local labels = {}
  for _, item in ipairs(offered.items or offered) do table.insert(labels, item.label) end
  check("completion knows the stages", vim.tbl_contains(labels, "filter"), labels)
  vim.api.nvim_buf_set_lines(0, 5, 6, false, {})
  check("what is taken back is right again", await(""), diagnostics())

  local symbols = ask("textDocument/documentSymbol", {})
  local names = vim.tbl_map(function(symbol) return symbol.name end, symbols)
  check("the outline has the declarations", vim.tbl_contains(names, "dear") and vim.tbl_contains(names, "out"), names)

  vim.api.nvim_buf_set_lines(0, 3, 5, false, { "stream dear = bids |> filter( price>100 )" })
  local format = vim.lsp.buf.format and function() vim.lsp.buf.format({ timeout_ms = WAIT }) end
    or function() vim.lsp.buf.formatting_sync(nil, WAIT) end
  format()
  check("formatting brings it into the one style", vim.tbl_contains(lines(), "  |> filter(price > 100)"), lines())

  local edit = ask("textDocument/rename", { position = place("dear", 1), newName = "costly" })
  vim.lsp.util.apply_workspace_edit(edit, client().offset_encoding)
  check("renaming changes each use", vim.tbl_contains(lines(), "sink out = costly -> stdout(format: json)"), lines())
  check("and leaves nothing wrong", await(""), diagnostics())

  vim.api.nvim_win_set_cursor(0, { 1, 0 })
  local last = lines()
  vim.cmd("normal! gg=G")
  check("indenting keeps what is in the one style", vim.deep_equal(lines(), last), lines())
  vim.cmd("silent write")
end

local function examples()
  local all = vim.fn.glob(ROOT .. "/lang-examples/*/*.flow", false, true)
  check("there are examples", #all >= 40, #all)
  local changed = {}
  for _, file in ipairs(all) do
    vim.cmd("edit " .. vim.fn.fnameescape(file))
    local before = lines()
    -- Comments inside of brackets and chains within a bracket are the formatter's.
    vim.cmd("silent normal! gg=G")
    if not vim.deep_equal(lines(), before) then table.insert(changed, vim.fn.fnamemodify(file, ":t")) end
    vim.cmd("bwipeout!")
  end
  check("indenting an example changes nothing", #changed == 0, changed)
end

local function make()
  local file = vim.fn.tempname() .. ".flow"
  vim.fn.writefile({ "source rows = stdin(format: text)", "sink out = rowz -> stdout(format: text)" }, file)
  vim.cmd("edit " .. vim.fn.fnameescape(file))
  vim.cmd("silent make!")
  local found = vim.fn.getqflist()[1]
  check("`:make` fills the quickfix list", found and found.lnum == 2 and found.col == 12 and found.text:find("rowz"), found)
end

local function trees()
  local target = vim.fn.tempname()
  require("flow").install_parser(target)
  vim.opt.runtimepath:prepend(target)
  vim.cmd("edit " .. vim.fn.fnameescape(ROOT .. "/lang-examples/nexmark/q5.flow"))
  local root = vim.treesitter.get_parser(0, "flow"):parse()[1]:root()
  check("the parser loads and reads an example", root:type() == "script" and not root:has_error(), root:sexpr())
  check("tree-sitter colours it", require("flow").colour(0))
  local get = vim.treesitter.query and vim.treesitter.query.get or vim.treesitter.query.get_query
  for _, name in ipairs({ "highlights", "folds", "indents", "injections", "locals" }) do
    check("the query " .. name .. " fits", get("flow", name))
  end
end

local function colours()
  vim.cmd("syntax on")
  vim.cmd("edit! " .. vim.fn.fnameescape(vim.fn.tempname() .. ".flow"))
  vim.api.nvim_buf_set_lines(0, 0, -1, false, { 'stream a = b |> filter(x == "c {d + 1}") // e', "const f = 10min" })
  vim.bo.syntax = "flow"
  local function group(row, text)
    local column = lines()[row]:find(text, 1, true)
    return vim.fn.synIDattr(vim.fn.synID(row, column, 1), "name")
  end
  check("a keyword", group(1, "stream") == "flowDeclaration", group(1, "stream"))
  check("a stage", group(1, "filter") == "flowStage", group(1, "filter"))
  check("a string", group(1, "c {") == "flowString", group(1, "c {"))
  check("a value in a string", group(1, "1}") == "flowNumber", group(1, "1}"))
  check("a comment", group(1, "e", 1) ~= "" and group(1, "// e") == "flowComment", group(1, "// e"))
  check("a duration", group(2, "10min") == "flowNumber", group(2, "10min"))
end

local done, failed = pcall(function()
  session()
  examples()
  make()
  colours()
  trees()
end)
io.stdout:write(done and "" or ("not ok - " .. tostring(failed) .. "\n"))
io.stdout:write(("%d passed, %d failed\n"):format(passed, done and 0 or 1))
io.stdout:flush()
vim.cmd(done and "qall!" or "cquit 1")
