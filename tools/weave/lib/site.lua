-- The web site: one page per chapter, a home page, indexes, and the data of search and of the copy button.
local added = require 'added'
local book = require 'book'
local chunks = require 'chunks'
local html = require 'html'
local indexes = require 'indexes'
local transform = require 'transform'

local site = {}
local stringify = pandoc.utils.stringify
local escape = html.escape

local templates = {}

-- A template of tools/weave/site with its $words$ filled in.
function site.fill(name, values)
  templates[name] = templates[name] or assert(book.read_file(book.settings.tools .. '/site/' .. name))
  return (templates[name]:gsub('%$(%l+)%$', function(word)
    return values[word] or error('template ' .. name .. ': no value for ' .. word)
  end))
end

local function title_html(page)
  return html.inline(page.title)
end

-- Sidebar: the parts with their chapters; the page at hand shows its sections.
local function navigation(current)
  local out = {}
  local function link(page)
    local here = page == current
    out[#out + 1] = string.format('<li%s><a href="%s"%s>%s%s</a>', here and ' class="here"' or '',
      page.name .. html.suffix, here and ' aria-current="page"' or '',
      page.number and '<span class="number">' .. page.number .. '</span>' or '', title_html(page))
    if here and #page.toc > 0 then
      out[#out + 1] = '<ul class="sections">'
      for _, entry in ipairs(page.toc) do
        if entry.level == 2 then
          out[#out + 1] = string.format('<li><a href="#%s">%s</a></li>', entry.anchor,
            html.inline(entry.shown or entry.title))
        end
      end
      out[#out + 1] = '</ul>'
    end
    out[#out + 1] = '</li>'
  end
  local function group(kind)
    local any = false
    for _, page in ipairs(book.pages) do
      if page.kind == kind then
        if not any then out[#out + 1] = '<ul>' end
        any = true
        link(page)
      end
    end
    if any then out[#out + 1] = '</ul>' end
  end
  group('front')
  group('overlay')
  for _, part in ipairs(book.parts) do
    if #part.chapters > 0 then
      out[#out + 1] = string.format('<p class="part"><span>%s</span> %s</p><ul>', site.roman(part.number),
        escape(part.title))
      for _, page in ipairs(part.chapters) do link(page) end
      out[#out + 1] = '</ul>'
    end
  end
  out[#out + 1] = '<p class="part">Back</p>'
  group('back')
  group('index')
  return table.concat(out, '\n')
end

-- The pages' bodies, by page; indexes come last, when all terms are known.
function site.bodies()
  for _, page in ipairs(site.index_pages()) do
    table.insert(book.pages, page)
    page.position = #book.pages
  end
  local bodies = {}
  for _, page in ipairs(book.pages) do
    bodies[page] = page.body and page.body() or html.write(transform.page(page, html))
    if page.kind == 'chapter' then bodies[page] = bodies[page] .. site.added(page) end
  end
  return bodies
end

local numerals = { 'I', 'II', 'III', 'IV', 'V', 'VI', 'VII', 'VIII', 'IX', 'X' }
function site.roman(number) return numerals[number] or tostring(number) end

-- "What this chapter added" ------------------------------------------------------------------------------------

function site.added(page)
  local files, grown = added.by(page)
  if #files + #grown == 0 then return '' end
  local id = page.room .. '-added'
  local out = { string.format('<section class="added"><h2 id="%s"><a class="heading" href="#%s">What this chapter '
    .. 'added</a></h2>', id, id) }
  if #files > 0 then
    out[#out + 1] = '<p class="added-label">New files</p><ul class="files">'
    for _, file in ipairs(files) do
      out[#out + 1] = string.format('<li><a href="#%s"><code>%s</code></a> <small>%d line%s</small></li>',
        file.chunk.anchor, escape(file.name), file.lines, file.lines == 1 and '' or 's')
    end
    out[#out + 1] = '</ul>'
  end
  if #grown > 0 then
    out[#out + 1] = '<p class="added-label">Additions to files of earlier chapters</p><ul class="grown">'
    for _, entry in ipairs(grown) do
      out[#out + 1] = string.format('<li><code>%s</code> %s <small>+%d line%s in %s; woven in at %s</small></li>',
        escape(entry.file), html.use(entry.name, page), entry.lines, entry.lines == 1 and '' or 's',
        html.number_links(entry.parts, page), html.number_links({ entry.host }, page))
    end
    out[#out + 1] = '</ul>'
  end
  out[#out + 1] = '</section>'
  return table.concat(out, '\n')
end

-- Pages --------------------------------------------------------------------------------------------------------

function site.opening(page)
  if page.kind == 'chapter' then
    return string.format([[
<header class="opening"><p class="eyebrow">%s</p>
<h1 id="%s"><span class="number">%s</span> %s</h1><p class="line">%s</p></header>]],
      page.part and 'Part ' .. site.roman(page.part.number) .. ' · ' .. escape(page.part.title) or '', page.id,
      page.number, title_html(page), page.line and html.inline(page.line[1] and page.line[1].content or page.line) or '')
  end
  return string.format('<header class="opening"><h1 id="%s">%s</h1></header>', page.id, title_html(page))
end

local function footer_links(i)
  local before, after = book.pages[i - 1], book.pages[i + 1]
  local function link(page, class, word)
    if not page then return '<span></span>' end
    return string.format('<a class="%s" rel="%s" href="%s"><small>%s</small>%s%s</a>', class, class,
      page.name .. html.suffix, word, page.number and page.number .. ' · ' or '', title_html(page))
  end
  return link(before, 'prev', 'Before') .. link(after, 'next', 'Next')
end

local function index_page(id, title, body)
  return { kind = 'index', id = id, name = id, room = id, title = pandoc.Inlines { pandoc.Str(title) }, toc = {}, body = body,
    blocks = pandoc.Blocks {}, order = 5 }
end

local function lettered(list, entry_html)
  local out, letter = { '<div class="index">' }, nil
  for _, entry in ipairs(list) do
    local this = indexes.letter(entry.text)
    if this ~= letter then
      if letter then out[#out + 1] = '</ul>' end
      letter = this
      out[#out + 1] = '<h2>' .. letter .. '</h2><ul>'
    end
    out[#out + 1] = '<li>' .. entry_html(entry) .. '</li>'
  end
  if letter then out[#out + 1] = '</ul>' end
  out[#out + 1] = '</div>'
  return table.concat(out, '\n')
end

function site.index_pages()
  return {
    index_page('terms', 'Index of terms', function()
      return lettered(indexes.terms(), function(entry)
        local places = {}
        for _, term in ipairs(entry.places) do
          places[#places + 1] = string.format('<a href="%s">%s</a>', html.href(term.page, term.anchor),
            term.page.number and 'Chapter ' .. term.page.number or title_html(term.page))
        end
        return escape(entry.text) .. ' <small>' .. table.concat(places, ', ') .. '</small>'
      end)
    end),
    index_page('identifiers', 'Index of identifiers', function()
      return lettered(indexes.identifiers(), function(entry)
        return string.format('<code id="id-%s">%s</code> <small><b>%s</b>%s</small>', entry.text, escape(entry.text),
          html.number_links(entry.defined), #entry.used > 0 and ' · ' .. html.number_links(entry.used) or '')
      end)
    end),
    index_page('chunks', 'Index of chunks', function()
      return lettered(indexes.chunks(), function(entry)
        local more = {}
        for i = 2, #entry.named.parts do more[#more + 1] = entry.named.parts[i] end
        return html.use(entry.text) .. (#more > 0 and ' <small>and ' .. html.number_links(more) .. '</small>' or '')
      end)
    end),
  }
end

-- Data for search, copying and peeking ----------------------------------------------------------------------------

local function json_string(text)
  text = text:gsub('[%c"\\<]', function(c)
    if c == '\n' then return '\\n' end
    if c == '"' then return '\\"' end
    if c == '\\' then return '\\\\' end
    return string.format('\\u%04x', c:byte())
  end)
  return '"' .. text .. '"'
end
site.json_string = json_string

local function text_of(block)
  local item = block.t == 'Div' and book.placed(block)
  if not item then return stringify(block) end
  if item.kind == 'chunk' then return item.chunk.name .. '\n' .. item.chunk.text end
  local out = { item.title or '' }
  if item.kind == 'run' then out[#out + 1] = item.transcript or '' end
  if item.caption then out[#out + 1] = stringify(item.caption) end
  if item.block then out[#out + 1] = stringify(item.block) end
  for _, list in ipairs { item.content or {}, item.prose or {} } do
    for _, inner in ipairs(list) do out[#out + 1] = text_of(inner) end
  end
  return table.concat(out, ' ')
end

-- One entry per section: where it is, what it is called, all its text.
function site.search_data()
  local out = {}
  for _, page in ipairs(book.pages) do
    local title, anchor, texts = stringify(page.title), nil, {}
    local function flush()
      local text = table.concat(texts, ' '):gsub('\u{E000}', '⟨'):gsub('\u{E001}', '⟩'):gsub('[ \t\n]+', ' ')
      if text ~= '' or not anchor then
        out[#out + 1] = string.format('{"p":%s,"t":%s,"u":%s,"x":%s}', json_string(page.number or ''),
          json_string(title), json_string(html.href(page, anchor)), json_string(text))
      end
      texts = {}
    end
    if page.kind ~= 'index' then
      for _, block in ipairs(page.blocks) do
        local item = block.t == 'Div' and book.placed(block)
        if item and item.kind == 'header' then
          flush()
          title = (item.entry.number and item.entry.number .. ' ' or '') .. stringify(item.entry.title)
          anchor = item.entry.anchor
        else
          texts[#texts + 1] = text_of(block)
        end
      end
      flush()
    end
  end
  for identifier, defined in pairs(require('code').defined) do
    out[#out + 1] = string.format('{"p":%s,"t":%s,"u":%s,"x":"","i":1}', json_string(defined[1].number),
      json_string(identifier), json_string(html.href(defined[1].page, defined[1].anchor)))
  end
  table.sort(out)
  return 'window.NIKKI_SEARCH=[\n' .. table.concat(out, ',\n') .. '\n];\n'
end

-- For each chunk, by anchor: the code it stands for, and how to show it in a peek.
function site.chunk_data()
  local out = {}
  for _, chunk in ipairs(book.chunks) do
    out[#out + 1] = string.format('%s:{"name":%s,"number":%s,"place":%s,"code":%s,"shown":%s}', json_string(chunk.anchor),
      json_string(chunk.name), json_string(chunk.number), json_string(chunk.file .. ':' .. chunk.line),
      json_string(chunk.part == 1 and chunks.expand(chunk.name) or ''), json_string(chunk.text:gsub('\u{E000}', '⟨')
        :gsub('\u{E001}', '⟩')))
  end
  return 'window.NIKKI_CHUNKS={\n' .. table.concat(out, ',\n') .. '\n};\n'
end

-- The whole site ----------------------------------------------------------------------------------------------

local function home(values)
  local out = {}
  for _, part in ipairs(book.parts) do
    if #part.chapters > 0 then
      out[#out + 1] = string.format('<section class="home-part"><h2><span>%s</span>%s</h2><p>%s</p><ol>',
        site.roman(part.number), escape(part.title), escape(stringify(part.line or '')))
      for _, page in ipairs(part.chapters) do
        out[#out + 1] = string.format('<li><a href="%s"><span class="number">%s</span><span class="name">%s</span>'
          .. '<span class="line">%s</span></a></li>', page.name .. html.suffix, page.number, title_html(page),
          escape(page.line and stringify(page.line) or ''))
      end
      out[#out + 1] = '</ol></section>'
    end
  end
  values.parts = table.concat(out, '\n')
  local first
  for _, page in ipairs(book.pages) do
    if page.kind == 'front' then first = first or page end
  end
  values.start = (first or book.pages[1]).name .. html.suffix
  return site.fill('home.html', values)
end

local function front_and_back_links()
  local out = {}
  for _, page in ipairs(book.pages) do
    if page.kind ~= 'chapter' then
      out[#out + 1] = string.format('<a href="%s">%s</a>', page.name .. html.suffix, title_html(page))
    end
  end
  return table.concat(out, ' ')
end

function site.write(folder)
  local bodies = site.bodies()
  for i, page in ipairs(book.pages) do
    book.write_file(folder .. '/' .. page.name .. html.suffix, site.fill('page.html', {
      title = escape(stringify(page.title)), book = escape(book.title), kind = page.kind,
      navigation = navigation(page), opening = site.opening(page), body = bodies[page], links = footer_links(i),
      rights = escape(book.rights),
    }))
  end
  local downloads = ''
  if book.settings.downloads then
    downloads = '<a class="button" href="book.pdf">PDF</a> <a class="button" href="workshop.pdf">Workshop, PDF</a> '
      .. '<a class="button" href="book.epub">EPUB</a>'
  end
  book.write_file(folder .. '/index.html', home {
    book = escape(book.title), subtitle = escape(book.subtitle), lead = escape(book.lead), rights = escape(book.rights),
    downloads = downloads, more = front_and_back_links(),
  })
  book.write_file(folder .. '/search.js', site.search_data())
  book.write_file(folder .. '/chunks.js', site.chunk_data())
  for from, to in pairs(html.images) do book.copy_file(from, folder .. '/' .. to) end
  for _, file in ipairs { 'style.css', 'book.js', 'seal.svg' } do
    book.copy_file(book.settings.tools .. '/site/' .. file, folder .. '/' .. file)
  end
end

return site
