--- How far a line of a script is indented, as `flow fmt` would.
local M = {}

--- A line without what its brackets do not count in: strings and a comment at its end.
local function bare(line)
  line = line:gsub("\\.", "  "):gsub('"[^"]*"', '""'):gsub("`[^`]*`", "``")
  return (line:gsub("//.*$", ""))
end

local function brackets(line)
  local depth = 0
  for bracket in line:gmatch("[%(%)%[%]{}]") do
    depth = depth + (bracket:find("[%(%[{]") and 1 or -1)
  end
  return depth
end

--- Does a line go on with the `if` or `try` of the line above?
local function continues(line) return line:find("^%s*else%f[%W]") ~= nil or line:find("^%s*then%f[%W]") ~= nil end

local WORDS = {}
for word in ("import job param const type fn source table stream sink test"):gmatch("%l+") do WORDS[word] = true end

--- A line without the `@was("old")` in front of its declaration.
local function unannotated(line)
  local found = 1
  while found > 0 do line, found = line:gsub("^(%s*)@%l+%b()%s*", "%1") end
  return line
end

--- Does a declaration begin here? A field of such a name has a colon behind it.
local function declaration(line)
  local word = unannotated(bare(line)):match('^%s*(%l+)%s+[%w_`"]')
  return word ~= nil and WORDS[word] ~= nil
end

local DECLARES = { source = true, table = true, stream = true, sink = true }

function M.at(number)
  local width = vim.bo.shiftwidth
  local here = vim.fn.getline(number)
  local above = vim.fn.prevnonblank(number - 1)
  if above == 0 then return 0 end
  local before = bare(vim.fn.getline(above))
  local indent = vim.fn.indent(above)
  if declaration(here) then return 0 end
  local staged = here:find("^%s*|>") or here:find("^%s*%->")
  if staged and DECLARES[unannotated(before):match("^(%l+)%s") or ""] and brackets(before) <= 0 then return width end
  if continues(here) then return continues(before) and indent or indent + width end
  if continues(before) then indent = indent - width end
  local opened = brackets(before)
  -- A line that only closes has been taken back already.
  if before:find("^%s*[%)%]}]") then opened = opened + 1 end
  if opened > 0 then indent = indent + width elseif opened < 0 then indent = indent - width end
  if here:find("^%s*[%)%]}]") then indent = indent - width end
  -- Behind the end of a pipeline, and behind a blank line after a stage, something new begins.
  local ends = before:find("^%s+%->") or (before:find("^%s+|>") and above < number - 1)
  if ends and opened <= 0 and not staged then indent = 0 end
  return math.max(0, indent)
end

return M
