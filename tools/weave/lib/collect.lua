-- First pass: divides the document into pages, numbers everything that has a number, and records what can be referred
-- to. Whatever the formats draw differently is replaced by a placeholder (book.place).
local book = require 'book'
local appendix = require 'appendix'
local chunks = require 'chunks'
local report = require 'report'
local runs = require 'runs'
local overlays = require 'overlays'

local collect = {}
local stringify = pandoc.utils.stringify

local function new_page(kind, file)
  local page = { kind = kind, file = file, blocks = pandoc.Blocks {}, toc = {}, counts = {}, hints = {} }
  table.insert(book.pages, page)
  return page
end

-- Splits the document at the source markers; book.md's own pages come before the first.
function collect.split(blocks)
  local page, file = nil, 'book.md'
  for _, block in ipairs(blocks) do
    if block.t == 'CodeBlock' and block.classes[1] == 'source' then
      file = block.text
      local number, room = file:match('chapters/(%d+)-([%w-]+)%.nw$')
      page = new_page(number and 'chapter' or 'overlay', file)
      page.room = room or book.slug(file)
      page.number = number and tostring(tonumber(number))
    elseif block.t == 'Header' and block.level == 1 and (file == 'book.md' or page.title) then
      if file ~= 'book.md' then
        report.error(file, '# ' .. stringify(block), 'a chapter has one title; make this a section (##)')
      end
      page = new_page(block.classes:includes('back') and 'back' or 'front', file)
      page.room = block.identifier
      page.blocks:insert(block)
      page.title = block.content
    else
      if not page then page = new_page('front', file) end
      if block.t == 'Header' and block.level == 1 then page.title = block.content end
      page.blocks:insert(block)
    end
  end
end

local function count(page, what)
  page.counts[what] = (page.counts[what] or 0) + 1
  return page.number and page.number .. '.' .. page.counts[what] or tostring(page.counts[what])
end

function collect.label(page, id, label)
  local known = book.labels[id]
  if known then
    local shown = id:gsub('^ex:', ''):gsub('^run:', '')
    report.error(page.file, report.find(page.file, '#' .. shown, known.page == page and 2 or 1) or 1, string.format(
      'the name #%s is already taken in %s; names are unique in the whole book', shown, known.page.file))
    return
  end
  label.page = page
  label.id = id
  label.anchor = label.anchor or id:gsub(':', '-')
  book.labels[id] = label
end

local walk

local function header(page, block)
  local title = stringify(block)
  if block.level == 1 then
    if page.kind == 'chapter' and block.identifier ~= page.room then
      report.error(page.file, '# ' .. title, string.format(
        "the chapter's name must be that of its file: # %s {#%s}", title, page.room))
    end
    page.id = block.identifier ~= '' and block.identifier or page.room
    collect.label(page, page.id, { kind = 'chapter', number = page.number, title = block.content })
    return nil
  end
  local id = block.identifier
  if id == '' then
    id = page.room .. '-' .. book.slug(title)
    if book.labels[id] then id = id .. '-' .. #page.toc end
  end
  local number
  if page.number and not block.classes:includes('unnumbered') then
    if block.level == 2 then
      page.section, page.subsection = (page.section or 0) + 1, 0
      number = page.number .. '.' .. page.section
    elseif block.level == 3 then
      page.subsection = (page.subsection or 0) + 1
      number = page.number .. '.' .. (page.section or 0) .. '.' .. page.subsection
    end
  end
  local entry = { kind = 'section', level = block.level, number = number, title = block.content,
    workshop = block.classes:includes('workshop'), id = id, page = page }
  if page.kind == 'chapter' and entry.workshop then
    if page.workshop_section or block.level ~= 2 then
      report.error(page.file, '{#' .. id, 'a chapter has one workshop, a section (##); make this a part of it (###)')
    end
    page.workshop_section = page.workshop_section or entry
  end
  if block.level == 2 then page.in_workshop = entry.workshop end
  entry.in_workshop = page.in_workshop
  collect.label(page, id, entry)
  table.insert(page.toc, entry)
  return book.place { kind = 'header', entry = entry, page = page }
end

local function exercise(page, div)
  local item = { kind = 'exercise', page = page, number = count(page, 'exercise'), id = div.identifier,
    title = div.attributes.title, stars = tonumber(div.attributes.stars) or 1, hints = {} }
  item.name = div.identifier:gsub('^' .. page.room:gsub('%-', '%%-') .. '%-', page.room .. '/')
  collect.label(page, 'ex:' .. div.identifier, { kind = 'exercise', number = item.number, title = item.title })
  local statement = pandoc.Blocks {}
  for _, block in ipairs(div.content) do
    if block.t == 'Div' and block.classes:includes('hint') then
      table.insert(item.hints, walk(page, block.content))
    else
      statement:insert(block)
    end
  end
  item.content = walk(page, statement)
  table.insert(page.hints, item)
  return book.place(item)
end

local function box(page, div, kind)
  return book.place { kind = 'box', box = kind, page = page, title = div.attributes.title,
    content = walk(page, div.content) }
end

local function run(page, div)
  local item = runs.item(page, div, count(page, 'run'))
  collect.label(page, 'run:' .. div.identifier, { kind = 'run', number = item.number, title = item.title })
  return book.place(item)
end

local function overlay(page, div)
  local item = overlays.item(page, div, count(page, 'overlay'))
  if div.identifier ~= '' then
    collect.label(page, div.identifier, { kind = 'overlay', number = item.number, title = item.title })
  end
  item.prose = walk(page, item.prose)
  return book.place(item)
end

-- A file that stands outside the chapters, shown as it is.
local function include(page, div)
  local path = div.attributes.file or ''
  local text = book.read_file(path)
  if not text then
    report.error(page.file, path ~= '' and path or '{.include', string.format(
      'no file %s to include; give its path from the top', path))
  end
  return book.place { kind = 'include', page = page, path = path, chunk = { name = path, file = path, line = 0, page = page,
    overlay = true, defines = {}, uses = {}, text = ((text or ''):gsub('\n+$', '')) } }
end

local function figure(page, image)
  local item = { kind = 'figure', page = page, number = count(page, 'figure'), path = image.src,
    caption = image.caption, alt = stringify(image.caption) }
  collect.label(page, image.identifier, { kind = 'figure', number = item.number })
  item.anchor = image.identifier:gsub(':', '-')
  item.missing = not book.read_file(image.src)
  if item.missing and not book.settings.draft then
    report.error(page.file, image.src, string.format('no figure %s; %s', image.src,
      book.read_file((image.src:gsub('%.svg$', '.tex'))) and 'make it with `make figures`'
        or 'draw it in ' .. image.src:gsub('%.svg$', '.tex') .. ' and run `make figures`'))
  end
  return book.place(item)
end

-- Captions of tables carry their names at their end: `: Kinds of memory. {#tab:memory-kinds}`.
local function table_block(page, block)
  local caption = block.caption.long
  local last = caption[#caption]
  local item = { kind = 'table', page = page, block = block, caption = pandoc.Inlines {} }
  if last and last.content then
    item.caption = last.content
    local tail = item.caption[#item.caption]
    local id = tail and tail.t == 'Str' and tail.text:match('^{#([%w:-]+)}$')
    if id then
      item.caption:remove()
      if #item.caption > 0 and item.caption[#item.caption].t == 'Space' then item.caption:remove() end
      item.number = count(page, 'table')
      item.anchor = id:gsub(':', '-')
      collect.label(page, id, { kind = 'table', number = item.number })
    end
  end
  block.caption = { long = pandoc.Blocks {} }
  return book.place(item)
end

local function code_block(page, block)
  if block.classes[1] == 'noweb' then
    local chunk = chunks.parse(block.text)
    chunks.add(chunk, page)
    chunk.workshop = page.in_workshop
    return book.place { kind = 'chunk', chunk = chunk, page = page }
  end
  local class = block.classes[1]
  if class ~= 'sh' and class ~= 'pseudo' then
    report.error(page.file, block.text:match('[^\n]+') or '```',
      'a code block with no run behind it; mark it ```pseudo, or ```sh if the reader is to type it, '
      .. 'or make it a ::: run')
  end
  return book.place { kind = 'code', class = class, text = block.text, page = page }
end

local boxes = { diary = true, wrong = true, note = true }

local function div_block(page, div)
  local class = div.classes[1] or ''
  if class == 'exercise' then return exercise(page, div) end
  if class == 'run' then return run(page, div) end
  if class == 'include' then return include(page, div) end
  if class == 'overlay' then return overlay(page, div) end
  if boxes[class] then return box(page, div, class) end
  if class ~= 'item' then
    report.error(page.file, report.find(page.file, '::: ' .. class) or '::: {.' .. class, string.format(
      'unknown box "%s"; there are run, exercise, hint, overlay, include, diary, wrong and note', class))
  end
  return div
end

function walk(page, blocks)
  local out = pandoc.Blocks {}
  for _, block in ipairs(blocks) do
    local kind = block.t
    if kind == 'Header' then
      local placed = header(page, block)
      if placed then out:insert(placed) end
    elseif kind == 'CodeBlock' then
      out:insert(code_block(page, block))
    elseif kind == 'Div' then
      out:insert(div_block(page, block))
    elseif kind == 'Table' then
      out:insert(table_block(page, block))
    elseif kind == 'Para' and #block.content == 1 and block.content[1].t == 'Image'
      and block.content[1].identifier ~= '' then
      out:insert(figure(page, block.content[1]))
    elseif kind == 'BlockQuote' then
      block.content = walk(page, block.content)
      out:insert(block)
    elseif kind == 'BulletList' or kind == 'OrderedList' then
      local items = {}
      for i, item in ipairs(block.content) do items[i] = walk(page, item) end
      block.content = items
      out:insert(block)
    else
      out:insert(block)
    end
  end
  return out
end

collect.walk = function(page, blocks) return walk(page, blocks) end

-- The parts of the book, from book.md: which chapter stands in which, and its one line.
function collect.parts(meta)
  local parts, where = {}, {}
  for number, part in ipairs(meta.parts or {}) do
    local entry = { number = number, title = stringify(part.title), line = part.line, chapters = {} }
    table.insert(parts, entry)
    for _, chapter in ipairs(part.chapters) do
      for room, line in pairs(chapter) do where[room] = { part = entry, line = line } end
    end
  end
  for _, page in ipairs(book.pages) do
    if page.kind == 'chapter' then
      local found = where[page.room]
      if found then
        page.part, page.line = found.part, found.line
        table.insert(found.part.chapters, page)
      else
        report.error(page.file, 1, 'chapter ' .. page.room .. ' stands in no part; add it to the parts in book.md')
      end
    end
  end
  book.parts = parts
end

function collect.all(doc)
  collect.split(appendix.expand(doc.blocks))
  collect.parts(doc.meta)
  for _, page in ipairs(book.pages) do
    if not page.title then
      if page.kind == 'chapter' then
        report.error(page.file, 1, string.format('no title; begin the chapter with # Title {#%s}', page.room))
      end
      page.title = pandoc.Inlines { pandoc.Str(page.file) }
    end
    page.blocks = walk(page, page.blocks)
    if not page.id then
      page.id = page.room
      collect.label(page, page.id, { kind = 'chapter', title = page.title })
    end
    page.name = page.id
  end
  for _, page in ipairs(book.pages) do -- the stream may bring an overlay first; the book's own pages lead
    page.order = ({ front = 1, overlay = 2, chapter = 3, back = 4 })[page.kind]
  end
  local position = {}
  for i, page in ipairs(book.pages) do position[page] = i end
  table.sort(book.pages, function(a, b)
    if a.order ~= b.order then return a.order < b.order end
    return position[a] < position[b]
  end)
  for i, page in ipairs(book.pages) do page.position = i end
end

return collect
