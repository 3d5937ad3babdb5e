-- The book's elements as LaTeX, and the two volumes from them: the book, which is told, and the workshop.
-- pdf/book.tex has the macros. They know from a label's entry in the other volume's .aux that a reference leads there.
local added = require 'added'
local book = require 'book'
local chunks = require 'chunks'
local code = require 'code'
local collect = require 'collect'
local indexes = require 'indexes'
local overlays = require 'overlays'
local runs = require 'runs'
local transform = require 'transform'

local latex = {}
local stringify = pandoc.utils.stringify

local escapes = { ['\\'] = '\\textbackslash{}', ['{'] = '\\{', ['}'] = '\\}', ['#'] = '\\#', ['$'] = '\\$', ['%'] = '\\%',
  ['&'] = '\\&', ['_'] = '\\_', ['^'] = '\\textasciicircum{}', ['~'] = '\\textasciitilde{}', ["'"] = '\\textquotesingle{}',
  ['`'] = '\\textasciigrave{}', ['"'] = '\\textquotedbl{}' }

function latex.escape(text)
  return (text:gsub('[\\{}#$%%&_^~]', escapes))
end
local escape = latex.escape

-- Text in typewriter that may be broken after its punctuation.
local function typewriter(text)
  local out = text:gsub('.', function(c)
    local written = escapes[c] or c
    if c:match('[/_.,:=(>|%-]') then written = written .. '\\allowbreak{}' end
    return written
  end)
  out = out:gsub('(%w)%-\\allowbreak{}', '%1-\\allowbreak{}'):gsub('  ', '~~')
  return '\\code{' .. out .. '}'
end

-- Text in a Verbatim, where only three characters have a meaning.
local function verbatim(text)
  return (text:gsub('[\\{}]', escapes))
end

local options = pandoc.WriterOptions { wrap_text = 'none' }

function latex.inline(inlines)
  return (pandoc.write(pandoc.Pandoc { pandoc.Plain(inlines) }, 'latex', options):gsub('\n+$', ''))
end

local function raw(text) return pandoc.RawBlock('latex', text) end
local function raw_inline(text) return pandoc.RawInline('latex', text) end

-- The volume that is being written. Every label stands in one of them alone.
local volume = 'book'

local labels, label_count = {}, 0
local function label(id)
  if not labels[id] then
    label_count = label_count + 1
    labels[id] = 'l' .. label_count
  end
  return labels[id]
end

-- References --------------------------------------------------------------------------------------------------

function latex.reference(content, target)
  local said = stringify(content):find('[Ww]orkshop') -- then the volume need not be named again
  local out = pandoc.Inlines { raw_inline((said and '\\shopreference{' or '\\reference{') .. label(target.id) .. '}{') }
  out:extend(content)
  out:insert(raw_inline('}'))
  return out
end

function latex.chunk_reference(name)
  return raw_inline(latex.use(name))
end

function latex.inline_code(inline)
  return raw_inline(typewriter(inline.text))
end

function latex.term(content, term)
  local out = pandoc.Inlines { raw_inline('\\term{' .. term.anchor:gsub('%-', '') .. '}{') }
  out:extend(content)
  out:insert(raw_inline('}'))
  return out
end

function latex.japanese(text)
  return raw_inline('{\\japanese ' .. escape(text) .. '}')
end

-- Chunks ------------------------------------------------------------------------------------------------------

-- Names are set once, by \nwname{serial}{…}; in code they are called by number.
local name_numbers, name_list = {}, {}

local function name_latex(name)
  local named = chunks.entry(name)
  if named.root then return typewriter(name) end
  local inlines = pandoc.Blocks { pandoc.Plain(book.inlines(name)) }
  inlines = inlines:walk { Code = latex.inline_code }
  return latex.inline(inlines[1].content)
end

local function name_number(name)
  if not name_numbers[name] then
    name_list[#name_list + 1] = string.format('\\nwname{%d}{%s}', #name_list + 1, name_latex(name))
    name_numbers[name] = #name_list
  end
  return name_numbers[name]
end

function latex.use(name)
  local first = chunks.entry(name).parts[1]
  if not first then return string.format('\\nwunused{%d}', name_number(name)) end
  return string.format('\\nwuse{%d}{nw%d}', name_number(name), first.serial)
end

local function draw(token)
  if token.kind == 'use' then return latex.use(token.name) end
  local text = escape(token.text)
  if token.kind == 'root' then return string.format('\\nwid{nw%d}{%s}', book.names[token.name].parts[1].serial, text) end
  if token.kind == 'identifier' then return string.format('\\nwid{nw%d}{%s}', token.target.serial, text) end
  return '\\nwdef{' .. text .. '}'
end

local function code_lines(chunk)
  local text, tokens = code.tokenise(chunk)
  return code.lines(text, chunks.language(chunk.base or chunk.name), 'latex', tokens, draw)
end

local function links(list, more)
  local seen, out = {}, {}
  for _, chunk in ipairs(list) do
    if not seen[chunk] then
      seen[chunk] = true
      out[#out + 1] = string.format('\\nwnumber{nw%d}{%s}', chunk.serial, chunk.number)
    end
  end
  if more then return table.concat(out, ', ') end
  if #out > 1 then
    local last = table.remove(out)
    return table.concat(out, ', ') .. ' and ' .. last
  end
  return out[1] or ''
end

local function footer(chunk)
  local named, out = book.names[chunk.name], {}
  if named.root and #named.uses == 0 then out[#out + 1] = 'A file.' end
  if #named.parts > 1 then
    local others = {}
    for _, part in ipairs(named.parts) do
      if part ~= chunk then others[#others + 1] = part end
    end
    out[#out + 1] = string.format('Part %d of %d; the others: %s.', chunk.part, #named.parts, links(others))
  end
  if #named.uses > 0 then out[#out + 1] = 'Used in ' .. links(named.uses) .. '.' end
  local defines = {}
  for _, identifier in ipairs(chunk.defines) do
    local users = code.used[identifier] or {}
    local shown = {}
    for i = 1, math.min(#users, 8) do shown[i] = users[i] end
    defines[#defines + 1] = typewriter(identifier) .. (#users > 0 and ' (' .. links(shown, #users > 8)
      .. (#users > 8 and ', …' or '') .. ')' or '')
  end
  if #defines > 0 then out[#out + 1] = 'Defines ' .. table.concat(defines, ', ') .. '.' end
  return table.concat(out, ' ')
end

-- How many lines must fit on the page for the chunk to begin there: all of a small one, the head of a larger one.
local function lines_needed(count)
  return count <= 8 and count + 2 or 7
end

function latex.chunk(item)
  local chunk = item.chunk
  local lines = code_lines(chunk)
  return { raw(string.format('\\nwhead{%d}{nw%d}{%s}{%s}{%s}{%d}\n\\begin{chunkcode}[firstnumber=%d]\n%s\n'
    .. '\\end{chunkcode}\n\\nwfoot{%s}', name_number(chunk.name), chunk.serial, chunk.part > 1 and '+' or '', chunk.number,
    escape(chunk.file) .. ':' .. chunk.line, lines_needed(#lines), chunk.line + 1, table.concat(lines, '\n'),
    footer(chunk))) }
end

function latex.include(item)
  return { raw(string.format('\\includehead{%s}\n\\begin{chunkcode}[firstnumber=1]\n%s\n\\end{chunkcode}\n\\nwfoot{}',
    typewriter(item.path), table.concat(code_lines(item.chunk), '\n'))) }
end

-- Headings and boxes ------------------------------------------------------------------------------------------

local commands = { [2] = 'section', [3] = 'subsection', [4] = 'subsubsection' }

function latex.header(item)
  local entry = item.entry
  local level = entry.level
  if volume == 'workshop' then -- a chapter's one section has become a chapter
    if entry.workshop then return {} end
    level = level - 1
  end
  local command = commands[level] or 'subsubsection'
  local title = latex.inline(entry.shown or entry.title)
  local plain = escape(stringify(entry.title))
  local number = entry.number and tonumber(entry.number:match('(%d+)$'))
  if not number then
    return { raw(string.format('\\%s*{%s}\\label{%s}\\addcontentsline{toc}{%s}{%s}', command, title, label(entry.id),
      command, plain)) }
  end
  return { raw(string.format('\\setcounter{%s}{%d}\\%s[%s]{%s}\\label{%s}', command, number - 1, command, plain, title,
    label(entry.id))) }
end

local function wrap(open, blocks, close)
  local out = pandoc.Blocks { raw(open) }
  out:extend(blocks)
  out:insert(raw(close))
  return out
end

function latex.exercise(item, draw_blocks)
  return wrap(string.format('\\begin{exercisebox}{%s}{%s}{%s}{%s}{%d}', label('ex:' .. item.id), item.number,
    escape(item.title or ''), typewriter('make exercise EX=' .. item.name), item.stars), draw_blocks(item.content),
    '\\end{exercisebox}')
end

local box_titles = { diary = 'From the diary', wrong = 'What went wrong', note = 'Note' }

function latex.box(item, draw_blocks)
  return wrap(string.format('\\begin{%sbox}{%s}', item.box, escape(item.title or box_titles[item.box])),
    draw_blocks(item.content), string.format('\\end{%sbox}', item.box))
end

function latex.code_block(item)
  return { raw(string.format('\\begin{%s}\n%s\n\\end{%s}', item.class == 'sh' and 'shellcode' or 'pseudocode',
    verbatim(item.text), item.class == 'sh' and 'shellcode' or 'pseudocode')) }
end

function latex.figure(item)
  if item.missing then return { raw('\\phantomsection\\label{' .. label((item.anchor:gsub('^fig%-', 'fig:'))) .. '}'
    .. typewriter(item.path) .. ' is not drawn yet.') } end
  local file = 'build/' .. item.path:gsub('%.svg$', '.pdf')
  return { raw(string.format('\\bookfigure{%s}{%s}{%s}{%s}', file, label((item.anchor:gsub('^fig%-', 'fig:'))), item.number,
    latex.inline(item.caption))) }
end

function latex.table(item)
  local out = pandoc.Blocks {}
  if item.number then
    out:insert(raw(string.format('\\tablecaption{%s}{%s}{%s}', label((item.anchor:gsub('^tab%-', 'tab:'))), item.number,
      latex.inline(item.caption))))
  end
  out:insert(raw('{\\booktable'))
  out:insert(item.block)
  out:insert(raw('}'))
  return out
end

function latex.run(item)
  local lines = {}
  for i, line in ipairs(runs.lines(item)) do
    local out = {}
    for _, piece in ipairs(line) do
      out[#out + 1] = piece.chunk and string.format('\\nwplace{nw%d}{%s}', piece.chunk.serial, verbatim(piece.text))
        or verbatim(piece.text)
    end
    local text = table.concat(out)
    if line.prompt then
      text = '\\prompt{' .. verbatim(line.prompt) .. '}\\typed{' .. text:sub(#verbatim(line.prompt) + 1) .. '}'
    end
    lines[i] = text
  end
  return { raw(string.format('\\begin{runbox}{%s}{%s}{%s}{%s}\n\\begin{runcode}\n%s\n\\end{runcode}\n\\end{runbox}',
    label('run:' .. item.id), item.number, escape(item.title or ''), typewriter(runs.command(item)),
    table.concat(lines, '\n'))) }
end

local header_words = { since = 'From chapter', fails = 'Must fail', shows = 'Shows', script = 'Typed' }

function latex.overlay(item, draw_blocks)
  local facts = {}
  for _, key in ipairs(item.header) do
    if header_words[key] then
      local value = key == 'since' and tostring(tonumber(item.header[key]) or item.header[key])
        or typewriter(item.header[key])
      facts[#facts + 1] = header_words[key] .. ' ' .. value
    end
  end
  local out = pandoc.Blocks { raw(string.format('\\overlayhead{%s}{%s}{%s}{%s}{%s}', label(item.anchor ~= '' and item.anchor
    or item.path), item.number, escape(item.title or ''), typewriter(item.path), table.concat(facts, ' · '))) }
  out:extend(draw_blocks(item.prose))
  for _, pair in ipairs(overlays.pairs(item)) do
    local function half(title, chunk, only, color)
      local lines, marked = code_lines(chunk), {}
      for i = 1, #lines do
        if only and only[i] then marked[#marked + 1] = tostring(i) end
      end
      return string.format('\\overlayhalf{%s}{%d}\n\\begin{overlaycode}[highlightlines={%s},highlightcolor=%s]\n%s\n'
        .. '\\end{overlaycode}', title, lines_needed(#lines), table.concat(marked, ','), color, table.concat(lines, '\n'))
    end
    out:insert(raw('\\overlaychunk{' .. latex.use(pair.mine.name) .. '}'))
    if pair.theirs then
      local mine = half(item.words.swap and item.words.left or item.words.right, pair.mine, pair.only_mine,
        item.words.swap and 'delcolor' or 'inscolor')
      local theirs = half('The book, \\nwnumber{nw' .. pair.theirs.serial .. '}{' .. pair.theirs.number .. '}',
        pair.theirs, pair.only_theirs, item.words.swap and 'inscolor' or 'delcolor')
      out:insert(raw(item.words.swap and mine or theirs))
      out:insert(raw(item.words.swap and theirs or mine))
    else
      out:insert(raw(half(pair.wraps and "Around the book's own" or 'Only in the overlay', pair.mine)))
    end
  end
  out:insert(raw('\\overlayend'))
  return out
end

-- The document ------------------------------------------------------------------------------------------------

local function hints(page)
  local out = pandoc.Blocks {}
  for _, item in ipairs(page.hints) do
    for i, hint in ipairs(item.hints) do
      local head = string.format('\\hint{%s}{%s}{%d}', label('ex:' .. item.id), item.number, i)
      local said = transform.blocks(hint, page, latex)
      if said[1] and said[1].t == 'Para' then -- the text goes on behind its number
        said[1].content:insert(1, raw_inline(head))
      else
        out:insert(raw(head))
      end
      out:extend(said)
    end
  end
  if #out > 0 then
    out:insert(1, raw('\\hintsbegin'))
    out:insert(raw('\\hintsend'))
  end
  return out
end

local function what_it_added(page)
  local files, grown = added.by(page)
  if #files + #grown == 0 then return {} end
  local out = { '\\section*{What this chapter added}\\addcontentsline{toc}{section}{What this chapter added}\\addedbegin' }
  for _, file in ipairs(files) do
    out[#out + 1] = string.format('\\addedfile{%s}{%d}{%s}', typewriter(file.name), file.lines, links { file.chunk })
  end
  if #grown > 0 then out[#out + 1] = '\\addedgrown' end
  for _, entry in ipairs(grown) do
    out[#out + 1] = string.format('\\addeditem{%s}{%s}{%d}{%s}{%s}', typewriter(entry.file), latex.use(entry.name),
      entry.lines, links(entry.parts), links { entry.host })
  end
  out[#out + 1] = '\\addedend'
  return { raw(table.concat(out, '\n')) }
end

local function index_of(title, list, entry_latex)
  if #list == 0 then return raw('') end
  local out, letter = { '\\indexbegin{' .. title .. '}' }, nil
  for _, entry in ipairs(list) do
    local this = indexes.letter(entry.text)
    if this ~= letter then
      letter = this
      out[#out + 1] = '\\indexletter{' .. escape(letter) .. '}'
    end
    out[#out + 1] = '\\indexentry{' .. entry_latex(entry) .. '}'
  end
  out[#out + 1] = '\\indexend'
  return raw(table.concat(out, '\n'))
end

-- A word that is everywhere leads nowhere: in print the first uses are enough, the web site has all of them.
local USES_IN_PRINT = 24

local function first_uses(used)
  if #used <= USES_IN_PRINT then return links(used) end
  local some = {}
  for i = 1, USES_IN_PRINT do some[i] = used[i] end
  return links(some, true) .. string.format(' and %d more', #used - USES_IN_PRINT)
end

-- Does a chunk stand in the volume that is being written?
local function here(chunk) return (chunk.workshop and 'workshop' or 'book') == volume end

local function only_here(list)
  local out = {}
  for _, chunk in ipairs(list) do
    if here(chunk) then out[#out + 1] = chunk end
  end
  return out
end

-- Each volume's index has what stands in it. The terms are all in the book, where they are explained.
local function write_indexes(out)
  if volume == 'book' then
    out:insert(index_of('Index of terms', indexes.terms(), function(entry)
      local places = {}
      for _, term in ipairs(entry.places) do places[#places + 1] = '\\termpage{' .. term.anchor:gsub('%-', '') .. '}' end
      return escape(entry.text) .. '\\quad ' .. table.concat(places, ', ')
    end))
  end
  local identifiers, names = {}, {}
  for _, entry in ipairs(indexes.identifiers()) do
    entry.used = only_here(entry.used)
    if #entry.used > 0 or #only_here(entry.defined) > 0 then identifiers[#identifiers + 1] = entry end
  end
  for _, entry in ipairs(indexes.chunks()) do
    if #only_here(entry.named.parts) > 0 then names[#names + 1] = entry end
  end
  out:insert(index_of('Index of identifiers', identifiers, function(entry)
    return typewriter(entry.text) .. '\\quad \\textbf{' .. links(entry.defined) .. '}'
      .. (#entry.used > 0 and '; ' .. first_uses(entry.used) or '')
  end))
  out:insert(index_of('Index of chunks', names, function(entry)
    return latex.use(entry.text) .. '\\quad ' .. links(entry.named.parts)
  end))
end

-- A page's blocks in two: what is told, and what stands in its workshop section.
local function divide(page)
  local told, shop = pandoc.Blocks {}, pandoc.Blocks {}
  local into = told
  for _, block in ipairs(page.blocks) do
    local item = block.t == 'Div' and book.placed(block)
    if item and item.kind == 'header' and item.entry.level == 2 then
      into = item.entry.workshop and shop or told
    end
    into:insert(block)
  end
  return told, shop
end

-- Where a chapter's workshop is, at the end of what is told of it.
local function workshop_note(page)
  local entry, items, lines = page.workshop_section, {}, 0
  for _, below in ipairs(page.toc) do
    if below.in_workshop and below.level == 3 then
      items[#items + 1] = string.format('\\notepart{%s}{%s}', label(below.id), latex.inline(below.title))
    end
  end
  for _, chunk in ipairs(book.chunks) do
    if chunk.page == page and chunk.workshop then lines = lines + select(2, chunk.text:gsub('%S[^\n]*', '')) end
  end
  local number = entry.number:match('(%d+)$')
  return raw(string.format('\\workshopnote{%s}{%d}{%s}{%s}{%s}', label(entry.id), number - 1, latex.inline(entry.title),
    (tostring(lines):gsub('^(%d+)(%d%d%d)$', '%1,%2')) .. (lines == 1 and '~line' or '~lines'),
    table.concat(items, '\\notegap ')))
end

-- Opens a page in the volume that is being written.
local function opening(page)
  local title = latex.inline(page.title)
  if page.kind ~= 'chapter' then return raw(string.format('\\plainchapter{%s}{%s}', title, label(page.id))) end
  if volume == 'book' then
    return raw(string.format('\\bookchapter{%d}{%s}{%s}{%s}', page.number, title, label(page.id),
      escape(page.line and stringify(page.line) or '')))
  end
  local entry = page.workshop_section
  return raw(string.format('\\shopchapter{%d}{%s}{%s}{%d}{%s}', page.number, title, label(entry.id),
    entry.number:match('(%d+)$'), label(page.id)))
end

-- The blocks of each volume.
function latex.volumes()
  local out, matter, part = { book = pandoc.Blocks {}, workshop = pandoc.Blocks {} }, {}, {}
  local function begin(page)
    local into = out[volume]
    local this = ({ front = 'front', overlay = 'front', chapter = 'main', back = 'back' })[page.kind]
    if this ~= matter[volume] then
      if this ~= 'front' then into:insert(raw('\\' .. this .. 'matter')) end
      matter[volume] = this
    end
    if page.part and page.part ~= part[volume] then
      part[volume] = page.part
      into:insert(raw(string.format('\\bookpart{%d}{%s}{%s}', page.part.number, escape(page.part.title),
        escape(stringify(page.part.line or '')))))
    end
    into:insert(opening(page))
    return into
  end
  for _, page in ipairs(book.pages) do
    local told, shop = divide(page)
    volume = 'book'
    local into = begin(page)
    into:extend(transform.blocks(told, page, latex))
    into:extend(hints(page))
    if page.workshop_section then into:insert(workshop_note(page)) end
    if page.kind == 'chapter' then into:extend(what_it_added(page)) end
    volume = 'workshop'
    if #shop > 0 then begin(page):extend(transform.blocks(shop, page, latex)) end
  end
  for name, blocks in pairs(out) do
    volume = name
    if matter[volume] ~= 'back' then blocks:insert(raw('\\backmatter')) end
    write_indexes(blocks)
  end
  for _, blocks in pairs(out) do blocks:insert(1, raw(table.concat(name_list, '\n'))) end
  return out
end

-- Writes book.tex and workshop.tex into `folder`.
function latex.write(folder, meta)
  local template = pandoc.template.compile(assert(book.read_file(book.settings.tools .. '/pdf/book.tex')))
  for name, blocks in pairs(latex.volumes()) do
    local words = {}
    for key, value in pairs(meta) do words[key] = value end
    if name == 'workshop' then
      for key, value in pairs(meta.workshop or {}) do words[key] = value end
      words.second = true
    end
    words.other = name == 'book' and 'workshop' or 'book'
    book.write_file(folder .. '/' .. name .. '.tex', pandoc.write(pandoc.Pandoc(blocks, words), 'latex',
      pandoc.WriterOptions { template = template }))
  end
end

-- The answers, a book of their own: each exercise, and what its answer*.nw write. Pages of the main book can't be
-- named there, so the template turns links into plain text.
function latex.answers()
  local overlay_of = require('overlays').item
  local out = pandoc.Blocks { raw('\\mainmatter') }
  for _, page in ipairs(book.pages) do
    if #page.hints > 0 then
      out:insert(raw(string.format('\\bookchapter{%d}{%s}{%s}{}', page.number, latex.inline(page.title), label(page.id))))
    end
    for _, item in ipairs(page.hints) do
      out:insert(raw(string.format('\\section*{%s\\enskip %s\\enskip\\normalsize\\stars{%d}}'
        .. '\\addcontentsline{toc}{section}{\\protect\\numberline{%s}%s}', item.number, escape(item.title or ''), item.stars,
        item.number, escape(item.title or ''))))
      out:extend(transform.blocks(item.content, page, latex))
      local folder = string.format('tests/%s/%s', page.file:match('([^/]+)%.nw$'), item.name:match('/(.*)$'))
      for count, name in ipairs { 'answer.nw', 'answer-2.nw', 'answer-3.nw' } do
        local path = folder .. '/' .. name
        if book.read_file(path) then
          local answer = overlay_of(page, { attributes = { file = path }, identifier = '' }, '')
          out:insert(raw(string.format('\\answerhead{%s}{%s}', count == 1 and 'An answer' or 'Another answer',
            typewriter(path))))
          out:extend(transform.blocks(collect.walk(page, answer.prose), page, latex))
          for _, chunk in ipairs(answer.chunks) do
            local lines = code_lines(chunk)
            out:insert(raw(string.format('\\overlaychunk{%s}\n\\begin{overlaycode}\n%s\n\\end{overlaycode}',
              latex.use(chunk.name), table.concat(lines, '\n'))))
          end
        end
      end
    end
  end
  out:insert(1, raw(table.concat(name_list, '\n')))
  return out
end

return latex
