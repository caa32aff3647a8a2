// The plan of a script as a graph for Graphviz: a box for each operator, an arrow for each way rows go.

interface Part {
  readonly name: string;
  readonly does: string;
}

interface Operator {
  readonly id: number;
  readonly kind: string;
  readonly label: string;
  readonly detail: string;
  readonly parts: readonly Part[];
  readonly inputs: readonly { readonly from: number; readonly exchange: string }[];
  readonly output: string;
  readonly mode: string;
  readonly state: { readonly id: string; readonly bound: string } | null;
  readonly guarantee: string | null;
}

export interface Plan {
  readonly job: { readonly name: string; readonly parallelism: number | null; readonly delivery: string };
  readonly graph: readonly Operator[];
}

/** The version of the output that is understood. */
const VERSION = 1;

export function plan(json: string): Plan {
  const read = JSON.parse(json) as Plan & { readonly format_version?: number };
  if (read.format_version !== VERSION) {
    throw new Error(`\`flow plan\` writes version ${read.format_version} of the plan; this extension reads ${VERSION}`);
  }
  return read;
}

/** A line of a box has at most so many characters; the whole text is its tooltip. */
const WIDTH = 56;

/** `link` makes the address behind a box of the declaration it stands in. */
export function dot(of: Plan, link: (declaration: string) => string): string {
  const lines = [
    'digraph flow {',
    '  bgcolor=transparent;',
    '  rankdir=TB; nodesep=0.4; ranksep=0.5;',
    '  node [shape=plain, fontname="Courier", fontsize=11];',
    '  edge [fontname="Courier", fontsize=10, arrowsize=0.7];',
  ];
  for (const operator of of.graph) lines.push(`  n${operator.id} [${box(operator, link)}];`);
  for (const operator of of.graph) {
    for (const input of operator.inputs) lines.push(`  n${input.from} -> n${operator.id} [${arrow(input.exchange)}];`);
  }
  lines.push('}');
  return lines.join('\n');
}

/** Sources, sinks, state and the rest are told apart by their class; the page gives each its colours. */
export function classOf(operator: Pick<Operator, 'kind' | 'state'>): string {
  if (operator.kind === 'source' || operator.kind === 'table') return 'source';
  if (operator.kind === 'sink') return 'sink';
  return operator.state === null ? 'stateless' : 'stateful';
}

/** The declaration an operator stands in: `counts` of `counts.flatMap#2`. */
export function declarationOf(operator: Pick<Operator, 'label' | 'parts'>): string {
  const label = operator.label || operator.parts[0]?.name || '';
  return label.split('.')[0] ?? '';
}

function box(operator: Operator, link: (declaration: string) => string): string {
  const title = [operator.kind === 'chain' ? '' : operator.kind, operator.label].filter((word) => word !== '').join(' ');
  const rows = [title === '' ? '' : `<b>${html(cut(title))}</b>`];
  if (operator.detail !== '') rows.push(html(cut(operator.detail)));
  for (const part of operator.parts) rows.push(`${html(cut(`${part.name}: ${part.does}`))}`);
  if (operator.state !== null) rows.push(`<i>${html(cut(`state ${operator.state.id}: ${operator.state.bound}`))}</i>`);
  if (operator.guarantee !== null) rows.push(`<i>${html(cut(operator.guarantee))}</i>`);
  const cells = rows.filter((row) => row !== '').map((row) => `<tr><td align="left">${row}</td></tr>`);
  const table = `<table border="1" cellborder="0" cellspacing="0" cellpadding="3" style="rounded">${cells.join('')}</table>`;
  const whole = [operator.output === '' ? '' : `→ ${operator.output}`, operator.mode === 'append' ? '' : operator.mode];
  const attributes = [`label=<${table}>`, `class=${quoted(classOf(operator))}`];
  const declaration = declarationOf(operator);
  if (declaration !== '') attributes.push(`URL=${quoted(link(declaration))}`);
  attributes.push(`tooltip=${quoted(whole.filter((line) => line !== '').join('\n') || title)}`);
  return attributes.join(', ');
}

function arrow(exchange: string): string {
  // `local`: rows stay on their worker.
  if (exchange === 'local') return 'class="local"';
  return `class="exchange", style=bold, label=${quoted(` ${cut(exchange)} `)}`;
}

function cut(text: string): string {
  const line = text.replace(/\s+/gu, ' ');
  const letters = [...line];
  return letters.length <= WIDTH ? line : `${letters.slice(0, WIDTH - 1).join('')}…`;
}

function html(text: string): string {
  return text.replace(/&/gu, '&amp;').replace(/</gu, '&lt;').replace(/>/gu, '&gt;').replace(/"/gu, '&quot;');
}

function quoted(text: string): string {
  return `"${text.replace(/\\/gu, '\\\\').replace(/"/gu, '\\"').replace(/\n/gu, '\\n')}"`;
}
