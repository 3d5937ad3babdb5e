// Everything here is a convenience: the pages can be read without it.
(function () {
  'use strict';
  const root = document.documentElement;
  const element = (tag, props) => Object.assign(document.createElement(tag), props);

  // Light and dark, remembered.
  const dark = () => root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  document.getElementById('theme').onclick = () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    try { localStorage.theme = root.dataset.theme; } catch (e) { /* a private window forgets */ }
  };

  // Data files are loaded when first needed; <script> works from file:// where fetch does not.
  const loading = {};
  const load = file => loading[file] = loading[file] || new Promise((done, failed) => {
    document.head.append(element('script', { src: file, onload: done, onerror: failed }));
  });

  // Copying a chunk gives the code it stands for, all uses expanded.
  const copyButton = (host, text) => {
    const button = element('button', { className: 'copy', textContent: 'Copy', type: 'button' });
    button.onclick = async () => {
      try {
        await navigator.clipboard.writeText(await text());
        button.textContent = 'Copied';
      } catch (e) {
        button.textContent = 'Not allowed here';
      }
      setTimeout(() => { button.textContent = 'Copy'; }, 1500);
    };
    host.append(button);
  };
  window.nikkiCode = async anchor => {
    await load('chunks.js');
    const chunk = window.NIKKI_CHUNKS[anchor];
    return (chunk.code || chunk.shown) + '\n';
  };
  for (const chunk of document.querySelectorAll('.chunk')) copyButton(chunk, () => window.nikkiCode(chunk.id));
  for (const command of document.querySelectorAll('.run-foot code')) {
    copyButton(command.closest('.run'), async () => command.textContent);
  }

  // Peeking: a chunk's definition appears while the pointer rests on its use.
  let peek = null, timer = 0;
  const hide = () => { clearTimeout(timer); if (peek) { peek.remove(); peek = null; } };
  const show = async link => {
    const [page, anchor] = link.getAttribute('href').split('#');
    let content = page === '' && document.getElementById(anchor);
    if (content) {
      content = content.cloneNode(true);
      content.removeAttribute('id');
      for (const inner of content.querySelectorAll('[id]')) inner.removeAttribute('id');
    } else {
      await load('chunks.js');
      const chunk = window.NIKKI_CHUNKS[anchor];
      if (!chunk) return;
      content = element('div', { className: 'chunk' });
      const head = element('div', { className: 'chunk-head' });
      head.append(element('span', { className: 'chunk-name', textContent: '⟨' + chunk.name.replace(/`/g, '') + '⟩≡' }),
        element('span', { className: 'chunk-number', textContent: chunk.number }),
        element('span', { className: 'chunk-place', textContent: chunk.place }));
      const pre = element('pre', {});
      pre.append(element('code', { textContent: chunk.shown }));
      content.append(head, pre);
    }
    hide();
    const box = link.getBoundingClientRect();
    peek = element('div', { id: 'peek' });
    peek.append(content);
    peek.onmouseenter = () => clearTimeout(timer);
    peek.onmouseleave = () => { timer = setTimeout(hide, 150); };
    document.body.append(peek);
    const below = box.bottom + peek.offsetHeight + 12 < innerHeight || box.top < peek.offsetHeight + 70;
    peek.style.left = Math.max(8, Math.min(box.left, innerWidth - peek.offsetWidth - 16)) + scrollX + 'px';
    peek.style.top = (below ? box.bottom + 6 : box.top - peek.offsetHeight - 6) + scrollY + 'px';
  };
  if (matchMedia('(hover: hover)').matches) {
    for (const link of document.querySelectorAll('main a.use, main a.id')) {
      if (link.closest('.index')) continue;
      link.onmouseenter = () => { clearTimeout(timer); timer = setTimeout(() => show(link), 350); };
      link.onmouseleave = () => { clearTimeout(timer); timer = setTimeout(hide, 200); };
    }
  }

  // Search: all words must occur; titles and identifiers come first.
  const input = document.getElementById('search'), results = document.getElementById('results');
  const escapeRegExp = s => s.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  window.nikkiSearch = query => {
    const words = query.toLowerCase().split(/\s+/).filter(Boolean);
    if (!words.length) return [];
    const found = [];
    for (const entry of window.NIKKI_SEARCH) {
      const title = entry.t.toLowerCase(), text = entry.x.toLowerCase();
      let score = 0;
      for (const word of words) {
        const here = (title === word ? 200 : title.startsWith(word) ? 80 : title.includes(word) ? 40 : 0)
          + Math.min(text.split(word).length - 1, 12);
        if (!here) { score = 0; break; }
        score += here;
      }
      if (score) found.push({ entry, score });
    }
    return found.sort((a, b) => b.score - a.score).slice(0, 24).map(f => f.entry);
  };
  const marked = (host, text, words) => {
    for (const piece of text.split(new RegExp('(' + words.map(escapeRegExp).join('|') + ')', 'i'))) {
      host.append(words.includes(piece.toLowerCase()) ? element('mark', { textContent: piece }) : piece);
    }
  };
  const search = async () => {
    const query = input.value.trim(), words = query.toLowerCase().split(/\s+/).filter(Boolean);
    results.hidden = !query;
    if (!query) return;
    await load('search.js');
    results.textContent = '';
    for (const entry of window.nikkiSearch(query)) {
      const link = element('a', { href: entry.u });
      link.append(element('span', { className: 'where', textContent: entry.i ? 'defined in ' + entry.p : entry.p }));
      const title = element('b', {});
      marked(title, entry.t, words);
      link.append(title);
      const at = entry.x.toLowerCase().indexOf(words[0]);
      if (at >= 0) {
        const snippet = element('span', { className: 'text' });
        marked(snippet, (at > 50 ? '… ' : '') + entry.x.slice(Math.max(0, at - 50), at + 110) + ' …', words);
        link.append(snippet);
      }
      results.append(link);
    }
    if (!results.children.length) results.append(element('p', { textContent: 'Nothing found.' }));
  };
  input.oninput = search;
  input.onfocus = () => { if (input.value) search(); };
  input.onkeydown = event => {
    const links = [...results.querySelectorAll('a')], now = links.findIndex(l => l.className === 'chosen');
    if (event.key === 'Escape') { results.hidden = true; input.blur(); }
    if (event.key === 'Enter' && links.length) location.href = links[Math.max(now, 0)].href;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault();
      if (now >= 0) links[now].className = '';
      const next = links[(now + (event.key === 'ArrowDown' ? 1 : -1) + links.length) % links.length];
      if (next) { next.className = 'chosen'; next.scrollIntoView({ block: 'nearest' }); }
    }
  };
  document.addEventListener('click', event => { if (!event.target.closest('.search')) results.hidden = true; });

  // Keys: / searches, the arrows turn pages.
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey || /INPUT|TEXTAREA|PRE/.test(document.activeElement.tagName)) return;
    if (event.key === '/') { event.preventDefault(); input.focus(); }
    const turn = event.key === 'ArrowRight' ? '.turn .next' : event.key === 'ArrowLeft' ? '.turn .prev' : null;
    const link = turn && document.querySelector(turn);
    if (link) location.href = link.href;
  });

  // The sidebar follows the reading.
  const here = document.querySelector('.side .here');
  if (here) here.scrollIntoView({ block: 'nearest' });
  const entries = [...document.querySelectorAll('.side .sections a')];
  if (entries.length && 'IntersectionObserver' in window) {
    const heads = entries.map(a => document.getElementById(a.getAttribute('href').slice(1)));
    const follow = () => {
      let now = -1;
      heads.forEach((head, i) => { if (head && head.getBoundingClientRect().top < 120) now = i; });
      entries.forEach((a, i) => a.classList.toggle('now', i === now));
    };
    addEventListener('scroll', follow, { passive: true });
    follow();
  }
  const menu = document.getElementById('menu');
  if (menu) document.querySelector('.side').addEventListener('click', event => { if (event.target.closest('a')) menu.checked = false; });
})();
