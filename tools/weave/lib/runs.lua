-- Runs: their commands, their recorded transcripts, and the chapter lines in them.
local book = require 'book'
local report = require 'report'

local runs = {}
local stringify = pandoc.utils.stringify

-- The lines that were typed: the block's own text, line by line.
local function commands(div)
  local lines = {}
  for _, block in ipairs(div.content) do
    if block.t == 'CodeBlock' then
      for line in (block.text .. '\n'):gmatch('([^\n]*)\n') do lines[#lines + 1] = line end
    elseif block.content then
      local line = pandoc.Inlines {}
      for _, inline in ipairs(block.content) do
        if inline.t == 'SoftBreak' or inline.t == 'LineBreak' then
          lines[#lines + 1] = stringify(line)
          line = pandoc.Inlines {}
        else
          line:insert(inline)
        end
      end
      lines[#lines + 1] = stringify(line)
    end
  end
  return lines
end

-- The command with which the reader can repeat the run.
function runs.command(item)
  if item.host then return item.host end
  local words = { 'make run' }
  if item.upto == 'here' then
    words[#words + 1] = string.format('UPTO=%02d:%s', tonumber(item.page.number) or 0, item.id)
  elseif item.upto ~= 'all' then
    words[#words + 1] = 'UPTO=' .. item.upto
  end
  if item.overlay then
    words[#words + 1] = item.overlay:find(' ', 1, true) and string.format('OVERLAY="%s"', item.overlay)
      or 'OVERLAY=' .. item.overlay
  end
  if item.cmdline then words[#words + 1] = string.format('CMDLINE="%s"', item.cmdline) end
  return table.concat(words, ' ')
end

function runs.item(page, div, number)
  local attributes = div.attributes
  local item = { kind = 'run', page = page, number = number, id = div.identifier, title = attributes.title,
    upto = attributes.upto or 'here', overlay = attributes.overlay, cmdline = attributes.cmdline,
    live = attributes.live == 'yes', host = attributes.host, commands = commands(div) }
  local folder = page.file:match('([^/]+)%.nw$') or 'book'
  item.path = string.format('figures/%s/%s.txt', folder, item.id)
  item.transcript = book.read_file(item.path)
  if not item.transcript and not book.settings.draft then
    report.error(page.file, '#' .. item.id, string.format(
      'no transcript %s for the run #%s; record it with `make record`, or weave a draft with DRAFT=1',
      item.path, item.id))
  end
  return item
end

-- The line that `<<chunk name>>` or `<<chunk name>>+3` stands for, and in a chapter also its chunk.
local function line_of(file, name, offset)
  offset = tonumber(offset) or 0
  if not file:match('^chapters/') then
    local line = report.find(file, '<<' .. name .. '>>=')
    return line and line + offset
  end
  local named = book.names[name]
  for _, part in ipairs(named and named.parts or {}) do
    if part.file == file then return part.line + offset, part end
  end
end

-- The transcript's lines, each a list of pieces: {text} or {text, chunk, line} for a place in a chapter.
function runs.lines(item)
  local lines = {}
  for raw in ((item.transcript or 'not recorded yet'):gsub('\n+$', '') .. '\n'):gmatch('([^\n]*)\n') do
    raw = raw:gsub('\r', '')
    local line, at = {}, 1
    while true do
      local from, to, file, name, offset = raw:find('([%w_/.-]+%.nw):<<(.-)>>%+?(%d*)', at)
      if not from then break end
      line[#line + 1] = { text = raw:sub(at, from - 1) }
      local number, chunk = line_of(file, name, offset)
      if number then
        line[#line + 1] = { text = file .. ':' .. number, chunk = chunk, line = number }
      else
        if not book.settings.partial and not book.settings.draft then
          report.error(item.path, raw, string.format(
            'the transcript names a chunk <<%s>> that is gone; record it again with `make record`', name))
        end
        line[#line + 1] = { text = file .. ':' .. name }
      end
      at = to + 1
    end
    line[#line + 1] = { text = raw:sub(at) }
    line.prompt = raw:match('^monitor> ') or raw:match('^nikki:[^$]*%$ ')
    lines[#lines + 1] = line
  end
  return lines
end

return runs
