-- Overlays woven in place: header, prose, and each redefined chunk beside the book's.
local book = require 'book'
local chunks = require 'chunks'
local report = require 'report'

local overlays = {}

local words = {
  bug = { title = 'The bug', left = 'With the bug', right = 'The book', swap = true },
  naive = { title = 'A first version', left = 'First version', right = 'The book', swap = true },
  sabotage = { title = 'Sabotage', left = 'Sabotaged', right = 'The book', swap = true },
  experiment = { title = 'An experiment', left = 'The book', right = 'The experiment' },
}

local function shell_quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- `key: value` lines up to the first empty line are the header.
local function parse_header(path)
  local header = {}
  for _, line in ipairs(report.lines(path)) do
    local key, value = line:match('^([%l-]+):%s*(.-)%s*$')
    if not key then break end
    header[key] = value
    header[#header + 1] = key
  end
  return header
end

function overlays.item(page, div, number)
  local path = div.attributes.file or ''
  local item = { kind = 'overlay', page = page, number = number, path = path, anchor = div.identifier,
    header = {}, prose = pandoc.Blocks {}, chunks = {} }
  item.words = words.experiment
  if not book.read_file(path) then
    if book.settings.draft then return item end
    report.error(page.file, path ~= '' and path or '{.overlay', string.format(
      'no overlay %s; give the path of a file in tests/', path))
    return item
  end
  item.header = parse_header(path)
  item.words = words[item.header.kind] or words.experiment
  item.title = div.attributes.title or item.header.title or item.words.title
  local pipe = assert(io.popen(string.format('/usr/lib/noweb/markup %s | gawk -f %s | gawk -f %s', shell_quote(path),
    shell_quote(book.settings.tools .. '/../shift.awk'), shell_quote(book.settings.tools .. '/markdown.awk'))))
  local markdown = pipe:read('a')
  pipe:close()
  local skipping = #item.header > 0
  for _, block in ipairs(pandoc.read(markdown, book.settings.reader).blocks) do
    if block.t == 'CodeBlock' and block.classes[1] == 'noweb' then
      local chunk = chunks.parse(block.text)
      chunk.overlay, chunk.page = true, page
      table.insert(item.chunks, chunk)
      skipping = false
    elseif block.t == 'CodeBlock' and block.classes[1] == 'source' then -- announces the file: nothing to show
    elseif skipping then -- the header is one paragraph
      skipping = false
    elseif block.t ~= 'Header' then
      item.prose:insert(block)
    end
  end
  return item
end

-- The longest common subsequence of two lists of lines, as flags: which lines are only here.
function overlays.difference(old, new)
  local length = {}
  for i = #old + 1, 1, -1 do
    length[i] = {}
    for j = #new + 1, 1, -1 do
      if i > #old or j > #new then
        length[i][j] = 0
      elseif old[i] == new[j] then
        length[i][j] = length[i + 1][j + 1] + 1
      else
        length[i][j] = math.max(length[i + 1][j], length[i][j + 1])
      end
    end
  end
  local only_old, only_new, i, j = {}, {}, 1, 1
  while i <= #old or j <= #new do
    if i <= #old and j <= #new and old[i] == new[j] then
      i, j = i + 1, j + 1
    elseif j > #new or (i <= #old and length[i + 1][j] >= length[i][j + 1]) then
      only_old[i] = true
      i = i + 1
    else
      only_new[j] = true
      j = j + 1
    end
  end
  return only_old, only_new
end

local function split(text)
  local lines = {}
  for line in (text .. '\n'):gmatch('([^\n]*)\n') do lines[#lines + 1] = line end
  return lines
end

-- Pairs of chunks to show: {mine, theirs, only_mine, only_theirs}; theirs is nil where the overlay adds a chunk.
function overlays.pairs(item)
  local list = {}
  for _, chunk in ipairs(item.chunks) do
    local named = book.names[chunk.name]
    local theirs = named and not named.extension and named.parts[1] or nil
    local pair = { mine = chunk, theirs = theirs, wraps = named and named.extension }
    if theirs then
      chunk.base = chunk.name
      pair.only_mine, pair.only_theirs = overlays.difference(split(chunk.text), split(theirs.text))
    end
    list[#list + 1] = pair
  end
  return list
end

return overlays
