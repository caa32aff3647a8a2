//! The pest parser, and what its rules are called among people.

use pest_derive::Parser;

/// Parses classes of tokens; see `grammar.pest`.
#[derive(Parser)]
#[grammar = "grammar.pest"]
pub(crate) struct Grammar;

/// The human word for a rule. Exhaustive, so that no rule name ever reaches a user.
pub(crate) fn words(rule: Rule) -> &'static str {
    match rule {
        Rule::EOI => "the end of the declaration",
        Rule::import_decl
        | Rule::job_decl
        | Rule::param_decl
        | Rule::const_decl
        | Rule::type_decl
        | Rule::fn_decl
        | Rule::source_decl
        | Rule::table_decl
        | Rule::stream_decl
        | Rule::test_head
        | Rule::decl => "a declaration",
        Rule::given_step
        | Rule::advance_step
        | Rule::expect_step
        | Rule::savepoint_step
        | Rule::restore_step => "a step such as `given` or `expect`",
        Rule::sink_end | Rule::connector => "a connector such as `file(…)`",
        Rule::stage | Rule::stage_plain => "a stage such as `filter(…)`",
        Rule::stage_flat_map => "`flatMap(x in list)`",
        Rule::stage_join => "`join(other on condition)`",
        Rule::interpolated | Rule::expr | Rule::keyword_name => "an expression",
        Rule::type_note => "`: type`",
        Rule::value => "`= value`",
        Rule::key_note => "`key` and a field",
        Rule::fn_param => "a parameter `name: type`",
        Rule::fn_result => "`-> type`",
        Rule::fn_block => "`{`",
        Rule::fn_let => "`let`",
        Rule::path => "the name of a stream or source",
        Rule::alias => "`as name`",
        Rule::annotation => "`@id(\"…\")`",
        Rule::join_on => "`on` and a condition",
        Rule::type_expr | Rule::type_generic | Rule::type_name => "a type",
        Rule::type_record => "`{`",
        Rule::type_field => "a field `name: type`",
        Rule::prefix => "`-` or `not`",
        Rule::infix | Rule::op => "an operator",
        Rule::is_null => "an operator",
        Rule::ternary => "an operator",
        Rule::member => "`.field`",
        Rule::index => "`[`",
        Rule::lambda | Rule::lambda_many => "a lambda",
        Rule::paren | Rule::call_args | Rule::lparen => "`(`",
        Rule::call => "a call",
        Rule::arg => "an argument",
        Rule::order | Rule::word_order => "`asc` or `desc`",
        Rule::map_literal => "`map { … }`",
        Rule::map_entry => "an entry `key: value`",
        Rule::list | Rule::lbracket => "`[`",
        Rule::list_item => "a value",
        Rule::record | Rule::braces | Rule::lbrace => "`{`",
        Rule::item | Rule::field | Rule::keep => "a field",
        Rule::rest => "`..`",
        Rule::if_expr | Rule::kw_if => "`if`",
        Rule::try_expr | Rule::kw_try => "`try`",
        Rule::match_expr | Rule::kw_match => "`match`",
        Rule::match_arm => "an arm `pattern => value`",
        Rule::pattern | Rule::bound => "a pattern",
        Rule::name | Rule::field_name => "a name",
        Rule::word_key => "`key`",
        Rule::word_on => "`on`",
        Rule::word_as_of => "`asOf`",
        Rule::word_given => "`given`",
        Rule::word_advance => "`advance`",
        Rule::word_expect => "`expect`",
        Rule::word_ordered => "`ordered`",
        Rule::word_savepoint => "`savepoint`",
        Rule::word_restore => "`restore`",
        Rule::word_into => "`into`",
        Rule::word_map => "`map`",
        Rule::word_any => "`_`",
        Rule::word_is => "an operator",
        Rule::word_flat_map => "`flatMap`",
        Rule::word_join => "`join`",
        Rule::kw_then => "`then`",
        Rule::kw_else => "`else`",
        Rule::kw_let => "`let`",
        Rule::kw_as => "`as`",
        Rule::kw_in => "`in`",
        Rule::number => "a number",
        Rule::timestamp => "a timestamp",
        Rule::bytes => "bytes",
        Rule::constant => "`true`, `false` or `null`",
        Rule::string => "a string",
        Rule::minus => "`-`",
        Rule::not => "`not`",
        Rule::lt => "`<`",
        Rule::gt => "`>`",
        Rule::assign => "`=`",
        Rule::dotdot => "`..`",
        Rule::fat_arrow => "`=>`",
        Rule::thin_arrow => "`->`",
        Rule::question => "`?`",
        Rule::dot => "`.`",
        Rule::comma => "`,`",
        Rule::colon => "`:`",
        Rule::at => "`@`",
        Rule::rparen => "`)`",
        Rule::rbracket => "`]`",
        Rule::rbrace => "`}`",
        Rule::primary | Rule::operand | Rule::applied => "an expression",
        Rule::goes_on | Rule::lambda_start => "an operator",
    }
}
