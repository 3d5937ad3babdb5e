-- The book's elements as HTML, for the web pages and for the EPUB.
local book = require 'book'
local chunks = require 'chunks'
local code = require 'code'
local overlays = require 'overlays'
local refs = require 'refs'
local runs = require 'runs'

local html = { suffix = '.html' }

local options = pandoc.WriterOptions { wrap_text = 'none', html_math_method = 'mathml' }

function html.escape(text)
  return (text:gsub('[&<>"]', { ['&'] = '&amp;', ['<'] = '&lt;', ['>'] = '&gt;', ['"'] = '&quot;' }))
end
local escape = html.escape

function html.write(blocks)
  return pandoc.write(pandoc.Pandoc(blocks), html.epub and 'html5' or 'html5', options)
end

-- Inlines as HTML, without the paragraph around them.
function html.inline(inlines)
  return (html.write { pandoc.Plain(inlines) })
end

local function raw(text) return pandoc.RawBlock('html', text) end

function html.href(page, anchor, from)
  local file = page == from and '' or page.name .. html.suffix
  if anchor == '' or not anchor then return file ~= '' and file or '#' end
  return file .. '#' .. anchor
end

-- References --------------------------------------------------------------------------------------------------

function html.reference(content, label, from)
  local anchor = label.kind ~= 'chapter' and label.anchor or nil
  return pandoc.Link(content, html.href(label.page, anchor, from))
end

local names = {} -- chunk name → its HTML

function html.name(name)
  if not names[name] then
    local named = chunks.entry(name)
    names[name] = named.root and '<code>' .. escape(name) .. '</code>' or html.inline(book.inlines(name))
  end
  return names[name]
end

-- A use of a chunk, in code or in prose.
function html.use(name, from)
  local named = chunks.entry(name)
  local first = named.parts[1]
  if not first then
    return string.format('<span class="use empty" title="no chapter adds to this yet">⟨%s⟩</span>', html.name(name))
  end
  return string.format('<a class="use" href="%s">⟨%s <small>%s</small>⟩</a>', html.href(first.page, first.anchor, from),
    html.name(name), first.number)
end

function html.chunk_reference(name, from)
  return pandoc.RawInline('html', '<span class="in-prose">' .. html.use(name, from) .. '</span>')
end

function html.term(content, term)
  return pandoc.Span(content, pandoc.Attr(term.anchor, { 'term' }))
end

function html.japanese(text)
  return pandoc.RawInline('html', '<span lang="ja">' .. escape(text) .. '</span>')
end

-- Code --------------------------------------------------------------------------------------------------------

function html.draw(from)
  return function(token)
    local text = escape(token.text)
    if token.kind == 'use' then return html.use(token.name, from) end
    if token.kind == 'root' then
      local first = book.names[token.name].parts[1]
      return string.format('<a class="id" href="%s">%s</a>', html.href(first.page, first.anchor, from), text)
    elseif token.kind == 'identifier' then
      return string.format('<a class="id" href="%s">%s</a>', html.href(token.target.page, token.target.anchor, from),
        text)
    end
    return '<b class="def">' .. text .. '</b>'
  end
end

-- The lines of a chunk; with `numbered`, each carries its line number in the chapter and can be linked to.
function html.code(chunk, from, options_)
  options_ = options_ or {}
  local text, tokens = code.tokenise(chunk)
  local lines = code.lines(text, chunks.language(chunk.base or chunk.name), 'html', tokens, html.draw(from))
  for i, line in ipairs(lines) do
    local class = 'l'
    if options_.only and options_.only[i] then class = 'l ' .. options_.mark end
    if options_.numbered then
      local number = chunk.line + i
      lines[i] = string.format('<span class="%s" id="L%d" data-n="%d">%s</span>', class, number, number, line)
    else
      lines[i] = string.format('<span class="%s">%s</span>', class, line)
    end
  end
  return '<pre tabindex="0"><code>' .. table.concat(lines, '\n') .. '</code></pre>'
end

local function number_links(list, from, more)
  local seen, out = {}, {}
  for _, chunk in ipairs(list) do
    if not seen[chunk] then
      seen[chunk] = true
      out[#out + 1] = string.format('<a href="%s">%s</a>', html.href(chunk.page, chunk.anchor, from), chunk.number)
    end
  end
  if more then return table.concat(out, ', ') end
  if #out > 1 then
    local last = table.remove(out)
    return table.concat(out, ', ') .. ' and ' .. last
  end
  return out[1] or ''
end
html.number_links = number_links

-- "Used in 3.1. Defines x, used in 3.4."
function html.footer(chunk)
  local named, out, from = book.names[chunk.name], {}, chunk.page
  if named.root and #named.uses == 0 then
    out[#out + 1] = 'The file <code>tangle/' .. escape(chunk.name) .. '</code>.'
  end
  if #named.parts > 1 then
    local others = {}
    for _, part in ipairs(named.parts) do
      if part ~= chunk then others[#others + 1] = part end
    end
    out[#out + 1] = string.format('Part %d of %d; the others: %s.', chunk.part, #named.parts,
      number_links(others, from))
  end
  if #named.uses > 0 then out[#out + 1] = 'Used in ' .. number_links(named.uses, from) .. '.' end
  local defines = {}
  for _, identifier in ipairs(chunk.defines) do
    local users = code.used[identifier]
    local entry = string.format('<code>%s</code>', escape(identifier))
    if users and #users > 0 then
      local shown = {}
      for i = 1, math.min(#users, 8) do shown[i] = users[i] end
      entry = entry .. ' (' .. number_links(shown, from, #users > 8) .. (#users > 8
        and string.format(', <a href="identifiers%s#id-%s">and %d more</a>', html.suffix, identifier, #users - 8)
        or '') .. ')'
    end
    defines[#defines + 1] = entry
  end
  if #defines > 0 then out[#out + 1] = 'Defines ' .. table.concat(defines, ', ') .. '.' end
  return table.concat(out, ' ')
end

function html.chunk(item)
  local chunk = item.chunk
  local named = book.names[chunk.name]
  local class = 'chunk' .. (named.extension and ' extension' or '') .. (named.root and ' root' or '')
  return { raw(string.format([[
<div class="%s" id="%s" data-chunk="%s">
<div class="chunk-head"><a class="chunk-name" href="#%s">⟨%s⟩<span class="op">%s</span></a> <a class="chunk-number" href="#%s">%s</a> <span class="chunk-place">%s:%d</span></div>
%s
<div class="chunk-foot">%s</div>
</div>]], class, chunk.anchor, escape(chunk.name), chunk.anchor, html.name(chunk.name), chunk.part > 1 and '+≡' or '≡',
    chunk.anchor, chunk.number, escape(chunk.file), chunk.line,
    html.code(chunk, chunk.page, { numbered = chunk.page.file == chunk.file }), html.footer(chunk))) }
end

function html.include(item)
  return { raw(string.format([[
<div class="chunk root">
<div class="chunk-head"><span class="chunk-name"><code>%s</code></span> <span class="chunk-place">a file of its own</span></div>
%s
</div>]], escape(item.path), html.code(item.chunk, item.page))) }
end

-- Headings and boxes ------------------------------------------------------------------------------------------

function html.header(item)
  local entry = item.entry
  return { raw(string.format('<h%d id="%s">%s<a class="heading" href="#%s">%s</a>%s</h%d>', entry.level, entry.anchor,
    entry.number and '<span class="number">' .. entry.number .. '</span> ' or '', entry.anchor,
    html.inline(entry.title),
    entry.workshop and ' <span class="may-skip">may be skipped</span>' or '', entry.level)) }
end

function html.workshop_open() return { raw('<section class="workshop">') } end
function html.workshop_close() return { raw('</section>') } end

local function wrap(open, blocks, close)
  local out = pandoc.Blocks { raw(open) }
  out:extend(blocks)
  out:insert(raw(close))
  return out
end

function html.exercise(item, transform)
  local stars = ('★'):rep(item.stars) .. '<span class="off">' .. ('★'):rep(3 - item.stars) .. '</span>'
  local out = pandoc.Blocks { raw(string.format([[
<div class="exercise" id="ex-%s">
<div class="exercise-head"><span class="stars" title="difficulty %d of 3">%s</span> <a class="label" href="#ex-%s">Exercise %s</a> <span class="title">%s</span></div>]],
    item.id, item.stars, stars, item.id, item.number, escape(item.title or ''))) }
  out:extend(transform(item.content))
  for i, hint in ipairs(item.hints) do
    out:insert(raw(html.epub and string.format('<div class="hint"><p class="label">Hint %d</p>', i)
      or string.format('<details class="hint"><summary>Hint %d</summary>', i)))
    out:extend(transform(hint))
    out:insert(raw(html.epub and '</div>' or '</details>'))
  end
  out:insert(raw(string.format('<p class="command"><code>make exercise EX=%s</code></p>\n</div>', item.name)))
  return out
end

local box_titles = { diary = 'From the diary', wrong = 'What went wrong', note = 'Note' }

function html.box(item, transform)
  local title = item.title or box_titles[item.box]
  return wrap(string.format('<div class="box %s"><p class="box-title">%s</p>', item.box, escape(title)),
    transform(item.content), '</div>')
end

function html.code_block(item)
  if item.class == 'sh' then
    return { raw('<pre class="shell" tabindex="0"><code>' .. escape(item.text) .. '</code></pre>') }
  end
  return { raw('<pre class="pseudo" tabindex="0"><code>' .. escape(item.text) .. '</code></pre>') }
end

function html.figure(item)
  if item.missing then return { raw('<p id="' .. item.anchor .. '">' .. escape(item.path) .. ' is not drawn yet.</p>') } end
  local text = book.read_file(item.path) or ''
  local width = tonumber(text:match('<svg[^>]-width="([%d.]+)')) or 300
  return { raw(string.format([[
<figure class="figure" id="%s"><img src="%s" alt="%s" style="width:%.2fem"/>
<figcaption><span class="label">Figure %s</span> %s</figcaption></figure>]], item.anchor, html.image(item.path),
    escape(item.alt), width / 11, item.number, html.inline(item.caption))) }
end

-- Images are copied beside the pages; pages.lua does it from this list.
html.images = {}
function html.image(path)
  local file = 'images/' .. path:gsub('^figures/', ''):gsub('/', '-')
  html.images[path] = file
  return file
end

function html.table(item)
  local caption = ''
  if item.number then
    caption = string.format('<figcaption><span class="label">Table %s</span> %s</figcaption>', item.number,
      html.inline(item.caption))
  elseif #item.caption > 0 then
    caption = '<figcaption>' .. html.inline(item.caption) .. '</figcaption>'
  end
  return wrap(string.format('<figure class="table"%s>%s<div class="scroll">',
    item.anchor and ' id="' .. item.anchor .. '"' or '', caption),
    { item.block }, '</div></figure>')
end

-- Runs and overlays -------------------------------------------------------------------------------------------

function html.run(item)
  local lines = {}
  for i, line in ipairs(runs.lines(item)) do
    local out = {}
    for _, piece in ipairs(line) do
      if piece.chunk then
        out[#out + 1] = string.format('<a href="%s">%s</a>', html.href(piece.chunk.page,
          piece.chunk.page.file == piece.chunk.file and 'L' .. math.max(piece.line, piece.chunk.line + 1)
            or piece.chunk.anchor, item.page), escape(piece.text))
      else
        out[#out + 1] = escape(piece.text)
      end
    end
    local text = table.concat(out)
    if line.prompt then
      local prompt = escape(line.prompt)
      text = string.format('<span class="prompt">%s</span><span class="typed">%s</span>', prompt, text:sub(#prompt + 1))
    end
    lines[i] = text
  end
  return { raw(string.format([[
<div class="run" id="run-%s">
<div class="run-head"><a class="label" href="#run-%s">Run %s</a> <span class="title">%s</span>%s</div>
<pre tabindex="0"><samp>%s</samp></pre>
<div class="run-foot"><code>%s</code></div>
</div>]], item.id, item.id, item.number, escape(item.title or ''),
    item.live and ' <span class="live" title="times vary from machine to machine">live</span>' or '',
    table.concat(lines, '\n'), escape(runs.command(item)))) }
end

local header_words = { since = 'From chapter', fails = 'Must fail', shows = 'Shows', chunks = 'To be written',
  script = 'Typed', cmdline = 'Command line' }

local function overlay_header(item)
  local rows = {}
  for _, key in ipairs(item.header) do
    if header_words[key] then
      local value = escape(item.header[key])
      value = key == 'since' and tostring(tonumber(value) or value) or '<code>' .. value .. '</code>'
      rows[#rows + 1] = string.format('<span><i>%s</i> %s</span>', header_words[key], value)
    end
  end
  return table.concat(rows, ' ')
end

function html.overlay(item, transform)
  local out = pandoc.Blocks { raw(string.format([[
<div class="overlay %s"%s>
<div class="overlay-head"><a class="label"%s>Overlay %s</a> <span class="title">%s</span> <span class="chunk-place">%s</span></div>
<p class="overlay-facts">%s</p>]], escape(item.header.kind or 'experiment'),
    item.anchor ~= '' and ' id="' .. item.anchor .. '"' or '',
    item.anchor ~= '' and ' href="#' .. item.anchor .. '"' or '', item.number, escape(item.title or ''),
    escape(item.path), overlay_header(item))) }
  out:extend(transform(item.prose))
  for _, pair in ipairs(overlays.pairs(item)) do
    local function side(class, label, chunk, only, mark)
      return string.format('<div class="half %s"><p class="side-label">%s</p>%s</div>', class, label,
        html.code(chunk, item.page, { only = only, mark = mark }))
    end
    local mine, theirs
    if pair.theirs then
      mine = side('mine', item.words.swap and item.words.left or item.words.right, pair.mine, pair.only_mine,
        item.words.swap and 'del' or 'ins')
      theirs = side('theirs', 'The book, ' .. string.format('<a href="%s">%s</a>',
        html.href(pair.theirs.page, pair.theirs.anchor, item.page), pair.theirs.number), pair.theirs,
        pair.only_theirs, item.words.swap and 'ins' or 'del')
    else
      mine = side('mine alone', pair.wraps and 'Around the book’s own' or 'Only in the overlay', pair.mine)
      theirs = ''
    end
    out:insert(raw(string.format('<div class="pair"><p class="pair-name">%s</p><div class="sides">%s%s</div></div>',
      html.use(pair.mine.name, item.page):gsub('^<span class="use empty"[^>]*>', '<span class="use">'),
      item.words.swap and mine or theirs, item.words.swap and theirs or mine)))
  end
  out:insert(raw(string.format('<p class="command"><code>make run OVERLAY=%s</code></p></div>', escape(item.path))))
  return out
end

return html
