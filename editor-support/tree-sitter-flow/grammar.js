// The grammar of flow for editors: what `compiler/syntax` accepts without a complaint, and nothing of
// its guesses about mistakes. `tests/drift.rs` holds the two together; `cargo xtask tree-sitter`
// makes `src/parser.c` of this file.

/// <reference types="tree-sitter-cli/dsl" />
// @ts-check

// Higher binds tighter; the same table as in `compiler/syntax/src/build/operator.rs`.
const PREC = {
  open: 0, // `if`, `try`, `=>`: they reach as far to the right as they can
  or: 1,
  and: 2,
  not: 3,
  compare: 4,
  range: 5,
  coalesce: 6,
  add: 7,
  multiply: 8,
  negate: 9,
  postfix: 10,
};

const DECLARATION_WORDS = ['import', 'job', 'param', 'const', 'type', 'fn', 'source', 'table', 'stream', 'sink', 'test'];
const EXPRESSION_WORDS = ['or', 'and', 'not', 'in', 'if', 'then', 'else', 'match', 'try', 'let', 'as', 'true', 'false', 'null'];

// The words of flow, and those people bring along: the compiler's parser takes them, its checker answers.
const JOINS = [
  'join', 'leftJoin', 'semiJoin', 'antiJoin', 'innerJoin', 'left_join', 'leftjoin',
  'fullJoin', 'rightJoin', 'outerJoin', 'crossJoin', 'full_join', 'right_join',
];
const FLAT_MAPS = ['flatMap', 'flatmap', 'flat_map'];

/** One or more, with a comma between two and perhaps one behind the last. */
const list1 = (rule) => seq(rule, repeat(seq(',', rule)), optional(','));
const list = (rule) => optional(list1(rule));

module.exports = grammar({
  name: 'flow',

  word: ($) => $.identifier,

  extras: ($) => [/\s/, $.doc_comment, $.line_comment, $.block_comment],

  // Comments nest, which no regular expression can follow.
  externals: ($) => [$.block_comment],

  supertypes: ($) => [$.declaration, $.stage, $.expression, $.type, $.test_step],

  conflicts: ($) => [
    // `(a)` is a value until `=>` stands behind it.
    [$.expression, $.lambda_parameters],
  ],

  rules: {
    script: ($) => repeat($.declaration),

    // ---- declarations ---------------------------------------------------------------------------

    declaration: ($) =>
      choice(
        $.import_declaration,
        $.job_declaration,
        $.param_declaration,
        $.const_declaration,
        $.type_declaration,
        $.function_declaration,
        $.source_declaration,
        $.table_declaration,
        $.stream_declaration,
        $.sink_declaration,
        $.test_declaration,
      ),

    import_declaration: ($) => seq(optional($.annotation), 'import', field('path', $.string)),

    job_declaration: ($) =>
      seq(
        optional($.annotation),
        'job',
        field('name', $._name),
        '{',
        // Options may stand one a line without commas.
        repeat(seq($.job_option, optional(','))),
        '}',
      ),
    job_option: ($) => seq(field('name', $._name), ':', field('value', $.expression)),

    param_declaration: ($) =>
      seq(
        optional($.annotation),
        'param',
        field('name', $._name),
        optional($._type_note),
        optional(seq('=', field('value', $.expression))),
      ),

    const_declaration: ($) =>
      seq(
        optional($.annotation),
        'const',
        field('name', $._name),
        optional($._type_note),
        '=',
        field('value', $.expression),
      ),

    type_declaration: ($) =>
      seq(optional($.annotation), 'type', field('name', $._name), '=', field('type', $.type)),

    function_declaration: ($) =>
      seq(
        optional($.annotation),
        'fn',
        field('name', $._name),
        field('parameters', $.parameters),
        optional(seq('->', field('result', $.type))),
        choice(seq('=', field('body', $.expression)), field('body', $.block)),
      ),
    parameters: ($) => seq('(', list($.parameter), ')'),
    parameter: ($) => seq(field('name', $._name), $._type_note),
    block: ($) => seq('{', repeat($.let_binding), field('result', $.expression), '}'),
    let_binding: ($) => seq('let', field('name', $._name), '=', field('value', $.expression)),

    source_declaration: ($) =>
      seq(
        optional($.annotation),
        'source',
        field('name', $._name),
        optional($._type_note),
        '=',
        field('connector', $.connector),
        repeat($._piped),
      ),

    table_declaration: ($) =>
      seq(
        optional($.annotation),
        'table',
        field('name', $._name),
        optional($._type_note),
        'key',
        field('key', $._name),
        repeat(seq(',', field('key', $._name))),
        '=',
        field('connector', $.connector),
        repeat($._piped),
      ),

    stream_declaration: ($) =>
      seq(optional($.annotation), 'stream', field('name', $._name), '=', $._pipeline),

    sink_declaration: ($) =>
      seq(
        optional($.annotation),
        'sink',
        field('name', $._name),
        '=',
        $._pipeline,
        '->',
        field('connector', $.connector),
      ),

    _type_note: ($) => seq(':', field('type', $.type)),
    _pipeline: ($) => seq(field('from', $.path), optional($._alias), repeat($._piped)),
    _piped: ($) => seq('|>', field('stage', $.stage)),
    _alias: ($) => seq('as', field('alias', $._name)),

    // `bids`, `bids.late`, `bids.errors`.
    path: ($) => seq(field('name', $._name), optional(seq('.', field('side', $._name)))),

    // `@was("old")`, `@id("name")`.
    annotation: ($) => seq('@', field('name', $.identifier), '(', field('value', $.string), ')'),

    // `file("x", format: json)`, `generate { id: seq() } rate: 1000`, `stdin`.
    connector: ($) =>
      seq(
        field('name', $._name),
        optional(
          choice(
            field('arguments', $.arguments),
            seq(field('record', $.record), optional(seq($._option, repeat(seq(',', $._option))))),
          ),
        ),
      ),

    // Behind braces a reserved word would begin the next declaration.
    _option: ($) => alias($._named_option, $.argument),
    _named_option: ($) => seq(field('name', $._name), ':', field('value', $.expression)),

    // ---- tests ----------------------------------------------------------------------------------

    test_declaration: ($) =>
      seq(optional($.annotation), 'test', field('name', $.string), '{', repeat($.test_step), '}'),

    test_step: ($) =>
      choice($.given_step, $.advance_step, $.expect_step, $.savepoint_step, $.restore_step),
    given_step: ($) => seq('given', field('target', $.path), field('rows', $.list)),
    advance_step: ($) => seq('advance', field('by', $.expression)),
    expect_step: ($) =>
      seq(
        'expect',
        optional('ordered'),
        field('target', choice($.path, alias($._ordered_path, $.path))),
        field('rows', $.list),
      ),
    savepoint_step: (_) => 'savepoint',
    restore_step: ($) =>
      seq(
        'restore',
        'into',
        field('path', $.string),
        repeat(seq(',', $.argument)),
        optional(','),
      ),
    // A stream may be called `ordered`.
    _ordered_path: ($) =>
      seq(field('name', alias('ordered', $.identifier)), optional(seq('.', field('side', $._name)))),

    // ---- stages ---------------------------------------------------------------------------------

    stage: ($) => choice($.flat_map_stage, $.join_stage, $.record_stage, $.call_stage),

    flat_map_stage: ($) =>
      seq(
        repeat($.annotation),
        field('operator', alias(choice(...FLAT_MAPS), $.identifier)),
        '(',
        field('variable', $._name),
        'in',
        field('list', $.expression),
        optional(','),
        ')',
      ),

    join_stage: ($) =>
      seq(
        repeat($.annotation),
        field('operator', alias(choice(...JOINS), $.identifier)),
        '(',
        field('other', $.path),
        optional('asOf'),
        optional($._alias),
        'on',
        field('on', $.expression),
        repeat(seq(',', $.argument)),
        optional(','),
        ')',
      ),

    // `map { … }`, `aggregate { … }`.
    record_stage: ($) => seq(repeat($.annotation), field('operator', $._name), field('record', $.record)),

    // `filter(…)`, `count() as n`.
    call_stage: ($) =>
      seq(
        repeat($.annotation),
        field('operator', $._name),
        optional(seq(field('arguments', $.arguments), optional($._alias))),
      ),

    // ---- types ----------------------------------------------------------------------------------

    type: ($) => choice($.type_name, $.generic_type, $.record_type, $.optional_type),
    type_name: ($) => $._name,
    generic_type: ($) => seq(field('name', $._name), '<', list1($.type), '>'),
    record_type: ($) => seq('{', list($.type_field), '}'),
    type_field: ($) => seq(field('name', $._name), ':', field('type', $.type)),
    optional_type: ($) => seq($.type, '?'),

    // ---- expressions ----------------------------------------------------------------------------

    expression: ($) =>
      choice(
        $._name,
        $.number,
        $.timestamp,
        $.string,
        $.raw_string,
        $.bytes,
        $.boolean,
        $.null,
        $.list,
        $.map,
        $.record,
        $.parenthesized,
        $.call,
        $.field_access,
        $.method_call,
        $.index,
        $.unary,
        $.binary,
        $.in,
        $.range,
        $.if,
        $.match,
        $.try,
        $.lambda,
      ),

    parenthesized: ($) => seq('(', $.expression, ')'),

    call: ($) => prec(PREC.postfix, seq(field('function', $._name), field('arguments', $.arguments))),
    arguments: ($) => seq('(', list($.argument), ')'),
    argument: ($) => seq(optional(seq(field('name', $._argument_name), ':')), field('value', $._sorted)),

    // `price desc`: only where rows are sorted.
    _sorted: ($) => choice($.expression, $.sort_key),
    sort_key: ($) => seq(field('key', $.expression), choice('desc', 'asc')),

    field_access: ($) =>
      prec(PREC.postfix, seq(field('base', $.expression), '.', field('name', $._name))),
    // Not flow's way, but the compiler's parser takes it, so that its checker can show the right one.
    method_call: ($) =>
      prec(
        PREC.postfix + 1,
        seq(field('base', $.expression), '.', field('name', $._name), field('arguments', $.arguments)),
      ),
    index: ($) =>
      prec(PREC.postfix, seq(field('base', $.expression), '[', field('index', $.expression), ']')),

    unary: ($) =>
      choice(
        prec(PREC.negate, seq(field('operator', '-'), field('operand', $.expression))),
        prec(PREC.not, seq(field('operator', 'not'), field('operand', $.expression))),
      ),

    binary: ($) => {
      const levels = [
        [PREC.or, ['or']],
        [PREC.and, ['and']],
        [PREC.compare, ['==', '!=', '<', '<=', '>', '>=']],
        [PREC.coalesce, ['??']],
        [PREC.add, ['+', '-']],
        [PREC.multiply, ['*', '/', '%']],
      ];
      const one = ([level, words]) =>
        prec.left(
          level,
          seq(
            field('left', $.expression),
            field('operator', words.length === 1 ? words[0] : choice(...words)),
            field('right', $.expression),
          ),
        );
      return choice(...levels.map(one));
    },

    in: ($) =>
      prec.left(
        PREC.compare,
        seq(field('item', $.expression), optional('not'), 'in', field('list', $.expression)),
      ),

    range: ($) =>
      prec.left(PREC.range, seq(field('low', $.expression), '..', field('high', $.expression))),

    if: ($) =>
      prec.right(
        PREC.open,
        seq(
          'if',
          field('condition', $.expression),
          'then',
          field('then', $.expression),
          'else',
          field('else', $.expression),
        ),
      ),

    try: ($) =>
      prec.right(
        PREC.open,
        seq('try', field('value', $.expression), 'else', field('fallback', $.expression)),
      ),

    match: ($) => seq('match', field('subject', $.expression), '{', list($.match_arm), '}'),
    match_arm: ($) =>
      seq(field('pattern', $._pattern), repeat(seq('or', field('pattern', $._pattern))), '=>', field('value', $.expression)),
    _pattern: ($) => choice($.wildcard, $._bound, $.range_pattern),
    range_pattern: ($) => seq(field('low', $._bound), '..', field('high', $._bound)),
    _bound: ($) =>
      choice(
        $.number,
        $.negative,
        $.string,
        $.raw_string,
        $.bytes,
        $.boolean,
        $.null,
        $.timestamp,
      ),
    negative: ($) => seq(field('operator', '-'), field('operand', $.number)),
    wildcard: () => '_',

    lambda: ($) =>
      prec.right(
        PREC.open,
        seq(
          field('parameters', choice($.lambda_parameters, alias($._lambda_parameter, $.lambda_parameters))),
          '=>',
          field('body', $.expression),
        ),
      ),
    _lambda_parameter: ($) => $._name,
    lambda_parameters: ($) => seq('(', optional(seq($._name, repeat(seq(',', $._name)))), ')'),

    list: ($) => seq('[', list($._list_item), ']'),
    _list_item: ($) => $._sorted,

    map: ($) => prec(1, seq('map', '{', list($.map_entry), '}')),
    map_entry: ($) => seq(field('key', $.expression), ':', field('value', $.expression)),

    record: ($) => seq('{', list($._record_item), '}'),
    _record_item: ($) => choice($.record_field, $.kept_field, $.rest),
    record_field: ($) => seq(field('name', $._name), ':', field('value', $.expression)),
    kept_field: ($) => $.expression,
    rest: ($) => seq('..', optional(field('of', $._name))),

    // ---- names ----------------------------------------------------------------------------------

    // `map` begins a map only where a brace stands behind it.
    _name: ($) => choice($.identifier, $.quoted_identifier, alias('map', $.identifier)),

    // A reserved word may name an argument: `kafka(table: "x")`.
    _argument_name: ($) =>
      choice($._name, alias(choice(...DECLARATION_WORDS, ...EXPRESSION_WORDS), $.identifier)),

    identifier: () => /[A-Za-z_][A-Za-z0-9_]*/,
    quoted_identifier: () => /`[^`\r\n]+`/,

    // ---- literals -------------------------------------------------------------------------------

    number: ($) => choice($.integer, $.float, $.decimal, $.duration, $.size),
    integer: () => token(choice(/\d[\d_]*/, /0[xX][0-9a-fA-F_]+/)),
    float: () => token(choice(/\d[\d_]*\.\d[\d_]*([eE][+-]?\d[\d_]*)?/, /\d[\d_]*[eE][+-]?\d[\d_]*/)),
    decimal: () => /\d[\d_]*\.\d[\d_]*d/,
    duration: () => /(\d[\d_]*(us|ms|s|min|h|d))+/,
    size: () => /\d[\d_]*([KMGT]i?)?B/,
    timestamp: () => /@\d+([\-.]\d+)*([Tt]\d+([:.]\d+)*([Zz]|[+\-]\d\d(:?\d+)*)?)?/,
    boolean: () => choice('true', 'false'),
    null: () => 'null',

    // A string ends on its line; `{expr}` in it is computed.
    string: ($) =>
      seq(
        '"',
        repeat(choice($.string_text, $.escape, $.interpolation)),
        token.immediate('"'),
      ),
    string_text: () => token.immediate(prec(1, /[^"\\{}\r\n]+|\}/)),
    escape: () => token.immediate(prec(2, choice(/\\u\{[^}"\r\n]*\}/, /\\[^\r\n]/, '{{', '}}'))),
    interpolation: ($) =>
      seq($.interpolation_start, field('value', $.expression), alias('}', $.interpolation_end)),
    interpolation_start: () => token.immediate('{'),
    raw_string: ($) => seq('r"', optional($.raw_text), token.immediate('"')),
    raw_text: () => token.immediate(prec(1, /[^"\r\n]+/)),
    bytes: () => /b"([^"\\\r\n]|\\[^\r\n])*"/,

    // ---- comments -------------------------------------------------------------------------------

    // `///`, but not `////`; before the plain one, so that it wins where both fit.
    doc_comment: () => token(choice('///', /\/\/\/[^\/\r\n][^\r\n]*/)),
    line_comment: () => token(/\/\/[^\r\n]*/),
  },
});
