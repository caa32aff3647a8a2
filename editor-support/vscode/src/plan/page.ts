// The page of a plan: a picture without scripts, in the colours of the editor's theme.

/** What it may load: nothing but its own style. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline';";

const STYLE = `
  body { color: var(--vscode-editor-foreground); background: var(--vscode-editor-background); padding: 1rem; }
  h1 { font-size: 1.1rem; font-weight: 600; }
  .of { color: var(--vscode-descriptionForeground); font-weight: normal; }
  .picture { overflow: auto; }
  .picture svg { max-width: 100%; height: auto; }
  svg { font-family: var(--vscode-editor-font-family, monospace); }
  svg text { fill: var(--vscode-editor-foreground); }
  svg .node path, svg .node polygon { stroke: var(--vscode-editorIndentGuide-activeBackground1, gray); fill: var(--vscode-editorWidget-background); }
  svg .node.source path { stroke: var(--vscode-charts-blue); }
  svg .node.sink path { stroke: var(--vscode-charts-green); }
  svg .node.stateful path { stroke: var(--vscode-charts-orange); stroke-width: 1.6; }
  svg .edge path { stroke: var(--vscode-descriptionForeground); }
  svg .edge polygon { stroke: var(--vscode-descriptionForeground); fill: var(--vscode-descriptionForeground); }
  svg a { text-decoration: none; }
  svg a:hover text { text-decoration: underline; }
  pre { white-space: pre-wrap; color: var(--vscode-errorForeground); font-family: var(--vscode-editor-font-family, monospace); }
  .legend span { margin-right: 1.5em; }
  .legend i { display: inline-block; width: 0.8em; height: 0.8em; margin-right: 0.4em; border: 2px solid; border-radius: 3px; }
`;

const LEGEND = [
  ['--vscode-charts-blue', 'reads'],
  ['--vscode-charts-orange', 'keeps state'],
  ['--vscode-charts-green', 'writes'],
].map(([colour, what]) => `<span><i style="border-color: var(${colour})"></i>${what}</span>`);

/** A picture shrinks to the width of its panel, but not to less than this part of its own: then it scrolls. */
const READABLE = 0.6;

/** A picture as Graphviz makes it, without what stands before its `<svg`. */
export function drawn(title: string, facts: string, svg: string): string {
  const wide = /<svg[^>]*\swidth="(\d+)pt"/u.exec(svg)?.[1] ?? '0';
  const least = `style="min-width: ${Math.round(Number(wide) * READABLE)}pt"`;
  const picture = svg.slice(Math.max(0, svg.indexOf('<svg'))).replace('<svg', `<svg ${least}`);
  return page(`${heading(title, facts)}<div class="picture">${picture}</div><p class="legend">${LEGEND.join('')} bold arrows: rows change workers</p>`);
}

/** What `flow plan` said instead of a plan. */
export function failed(title: string, said: string): string {
  return page(`${heading(title, '')}<pre>${escaped(said)}</pre>`);
}

function heading(title: string, facts: string): string {
  return `<h1>${escaped(title)} <span class="of">${escaped(facts)}</span></h1>`;
}

function page(body: string): string {
  return `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${POLICY}"><style>${STYLE}</style></head><body>${body}</body></html>`;
}

function escaped(text: string): string {
  return text.replace(/&/gu, '&amp;').replace(/</gu, '&lt;').replace(/>/gu, '&gt;').replace(/"/gu, '&quot;');
}
