-- The files of an EPUB 3: the same pages as the web site's, plainer, with a package file and a table of contents.
local book = require 'book'
local html = require 'html'
local site = require 'site'

local epub = {}
local stringify = pandoc.utils.stringify
local escape = html.escape

local function page_file(title, body, kind)
  return string.format([[
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html>
<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops" lang="en-GB" xml:lang="en-GB">
<head><meta charset="utf-8"/><title>%s</title><link rel="stylesheet" type="text/css" href="style.css"/></head>
<body class="%s">
%s
</body>
</html>
]], escape(title), kind, body)
end

local function navigation()
  local out = {}
  local function entry(page)
    out[#out + 1] = string.format('<li><a href="%s.xhtml">%s%s</a>', page.name, page.number and page.number .. ' ' or '',
      escape(stringify(page.title)))
    local sections = {}
    for _, section in ipairs(page.toc) do
      if section.level == 2 then
        sections[#sections + 1] = string.format('<li><a href="%s.xhtml#%s">%s%s</a></li>', page.name, section.anchor,
          section.number and section.number .. ' ' or '', escape(stringify(section.title)))
      end
    end
    if #sections > 0 then out[#out + 1] = '<ol>' .. table.concat(sections, '\n') .. '</ol>' end
    out[#out + 1] = '</li>'
  end
  local part
  for _, page in ipairs(book.pages) do
    if page.part ~= part then
      if part then out[#out + 1] = '</ol></li>' end
      part = page.part
      if part then
        out[#out + 1] = string.format('<li><span>%s %s</span><ol>', site.roman(part.number), escape(part.title))
      end
    end
    entry(page)
  end
  if part then out[#out + 1] = '</ol></li>' end
  return '<nav epub:type="toc" id="toc"><h1>Contents</h1><ol>\n' .. table.concat(out, '\n') .. '\n</ol></nav>'
end

local function package(bodies)
  local manifest = {
    '<item id="nav" href="nav.xhtml" media-type="application/xhtml+xml" properties="nav"/>',
    '<item id="title" href="title.xhtml" media-type="application/xhtml+xml"/>',
    '<item id="style" href="style.css" media-type="text/css"/>',
    '<item id="seal" href="seal.svg" media-type="image/svg+xml" properties="cover-image"/>',
  }
  local spine = { '<itemref idref="title"/>', '<itemref idref="nav"/>' }
  for i, page in ipairs(book.pages) do
    manifest[#manifest + 1] = string.format('<item id="page%d" href="%s.xhtml" media-type="application/xhtml+xml"%s/>', i,
      page.name, bodies[page]:find('<math', 1, true) and ' properties="mathml"' or '')
    spine[#spine + 1] = string.format('<itemref idref="page%d"/>', i)
  end
  local images = {}
  for _, file in pairs(html.images) do images[#images + 1] = file end
  table.sort(images)
  for i, file in ipairs(images) do
    manifest[#manifest + 1] = string.format('<item id="image%d" href="%s" media-type="image/svg+xml"/>', i, file)
  end
  return string.format([[
<?xml version="1.0" encoding="UTF-8"?>
<package xmlns="http://www.idpf.org/2007/opf" version="3.0" unique-identifier="id" xml:lang="en-GB">
<metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
<dc:identifier id="id">urn:nikki:book</dc:identifier>
<dc:title>%s</dc:title>
<dc:language>en-GB</dc:language>
<dc:description>%s</dc:description>
<dc:rights>%s</dc:rights>
<meta property="dcterms:modified">2026-01-01T00:00:00Z</meta>
</metadata>
<manifest>
%s
</manifest>
<spine>
%s
</spine>
</package>
]], escape(book.title), escape(book.lead), escape(book.rights), table.concat(manifest, '\n'), table.concat(spine, '\n'))
end

function epub.write(folder)
  html.epub, html.suffix = true, '.xhtml'
  local bodies = site.bodies()
  for _, page in ipairs(book.pages) do
    book.write_file(string.format('%s/%s.xhtml', folder, page.name),
      page_file(stringify(page.title), site.opening(page) .. bodies[page], page.kind))
  end
  book.write_file(folder .. '/title.xhtml', page_file(book.title, string.format(
    '<div class="title"><img src="seal.svg" alt=""/><h1>%s</h1><p class="subtitle">%s</p><p>%s</p><p class="rights">%s</p></div>',
    escape(book.title), escape(book.subtitle), escape(book.lead), escape(book.rights)), 'titlepage'))
  book.write_file(folder .. '/nav.xhtml', page_file('Contents', navigation(), 'contents'))
  book.write_file(folder .. '/package.opf', package(bodies))
  for from, to in pairs(html.images) do book.copy_file(from, folder .. '/' .. to) end
  book.copy_file(book.settings.tools .. '/site/seal.svg', folder .. '/seal.svg')
  book.copy_file(book.settings.tools .. '/epub/style.css', folder .. '/style.css')
end

return epub
