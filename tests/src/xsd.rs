//! Validates XML against an XML schema: the part of XSD 1.0 that published report schemas use. It must never pass over
//! a construct it does not know: that is a panic, for a schema that is half read proves nothing.

use regex::Regex;
use roxmltree::{Document, Node};
use std::collections::BTreeSet;

const XSD: &str = "http://www.w3.org/2001/XMLSchema";

/// Every place where the document breaks the schema; empty if it is valid.
pub fn violations(schema: &str, document: &str) -> Vec<String> {
    let schema = Document::parse(schema).expect("the schema is XML");
    let document = match Document::parse(document) {
        Ok(document) => document,
        Err(error) => return vec![format!("no XML: {error}")],
    };
    let mut check = Check { schema: schema.root_element(), found: Vec::new() };
    let root = document.root_element();
    match check.global("element", root.tag_name().name()) {
        Some(declared) => check.element(root, declared),
        None => check.found.push(format!("<{}> is declared nowhere", root.tag_name().name())),
    }
    check.found
}

struct Check<'s, 'd> {
    schema: Node<'s, 'd>,
    found: Vec<String>,
}

impl<'s, 'd> Check<'s, 'd> {
    /// A declaration at the top of the schema.
    fn global(&self, kind: &str, name: &str) -> Option<Node<'s, 'd>> {
        parts(self.schema).find(|node| node.tag_name().name() == kind && node.attribute("name") == Some(name))
    }

    fn element(&mut self, node: Node<'_, '_>, declared: Node<'s, 'd>) {
        let inline = parts(declared).next();
        match (declared.attribute("type"), inline) {
            (Some(name), None) => match self.global("complexType", name) {
                Some(complex) => self.complex(node, complex),
                None => {
                    if node.children().any(|child| child.is_element()) {
                        self.say(node, "holds elements; its type is simple");
                    }
                    self.simple(node, name, node.text().unwrap_or_default());
                }
            },
            (None, Some(complex)) if complex.tag_name().name() == "complexType" => {
                self.complex(node, complex)
            }
            _ => panic!("a declaration in a form that is not known: {declared:?}"),
        }
    }

    fn complex(&mut self, node: Node<'_, '_>, complex: Node<'s, 'd>) {
        let children: Vec<_> = node.children().filter(Node::is_element).collect();
        let names: Vec<&str> = children.iter().map(|child| child.tag_name().name()).collect();
        let mut attributes = Vec::new();
        let mut content = None;
        for part in parts(complex) {
            match part.tag_name().name() {
                "attribute" => attributes.push(part),
                "sequence" | "choice" if content.is_none() => content = Some(part),
                other => panic!("<xs:{other}> in a complex type"),
            }
        }
        self.attributes(node, &attributes);
        let mixed = complex.attribute("mixed") == Some("true");
        let text = node
            .children()
            .filter(Node::is_text)
            .any(|text| !text.text().unwrap_or_default().trim().is_empty());
        if text && !mixed {
            self.say(node, "holds text");
        }
        let ends = content.map_or(BTreeSet::from([0]), |content| ends(content, &names, BTreeSet::from([0])));
        if !ends.contains(&names.len()) {
            self.say(node, &format!("does not allow these elements in this order: {names:?}"));
            return;
        }
        for child in children {
            let name = child.tag_name().name();
            let local = content.and_then(|content| {
                content
                    .descendants()
                    .find(|d| d.tag_name().name() == "element" && d.attribute("name") == Some(name))
            });
            let declared = local.or_else(|| self.global("element", name));
            self.element(child, declared.expect("the content model names it"));
        }
    }

    fn attributes(&mut self, node: Node<'_, '_>, declared: &[Node<'s, 'd>]) {
        for given in node.attributes() {
            match declared.iter().find(|a| a.attribute("name") == Some(given.name())) {
                None => {
                    self.say(node, &format!("has an attribute `{}` that is declared nowhere", given.name()))
                }
                Some(known) => {
                    let kind = known.attribute("type").expect("an attribute has a type");
                    self.simple(node, kind, given.value());
                }
            }
        }
        for known in declared.iter().filter(|a| a.attribute("use") == Some("required")) {
            let name = known.attribute("name").expect("an attribute has a name");
            if node.attribute(name).is_none() {
                self.say(node, &format!("lacks the attribute `{name}`"));
            }
        }
    }

    fn simple(&mut self, node: Node<'_, '_>, kind: &str, text: &str) {
        if kind == "xs:string" {
            return;
        }
        let declared = self.global("simpleType", kind).unwrap_or_else(|| panic!("a type `{kind}`"));
        let restriction = parts(declared).next().expect("a simple type restricts another");
        assert_eq!(restriction.attribute("base"), Some("xs:string"), "of `{kind}`");
        for facet in parts(restriction) {
            let value = facet.attribute("value").expect("a facet has a value");
            assert_eq!(facet.tag_name().name(), "pattern", "a facet of `{kind}`");
            if !Regex::new(&format!("^(?:{value})$")).expect("a pattern").is_match(text) {
                self.say(node, &format!("has {text:?} where `{kind}` belongs: {value}"));
            }
        }
    }

    fn say(&mut self, node: Node<'_, '_>, what: &str) {
        let at = node.document().text_pos_at(node.range().start);
        self.found.push(format!("{at}: <{}> {what}", node.tag_name().name()));
    }
}

/// The elements of the schema below one, without annotations.
fn parts<'s, 'd>(node: Node<'s, 'd>) -> impl Iterator<Item = Node<'s, 'd>> {
    node.children().filter(|child| child.is_element()).inspect(|child| {
        assert_eq!(child.tag_name().namespace(), Some(XSD), "{child:?}");
    })
}

/// Where a particle can end that begins at one of these places among the children.
fn ends(particle: Node<'_, '_>, names: &[&str], mut at: BTreeSet<usize>) -> BTreeSet<usize> {
    let least: usize = particle.attribute("minOccurs").map_or(1, |text| text.parse().expect("a count"));
    let most = match particle.attribute("maxOccurs") {
        Some("unbounded") => names.len().max(least),
        Some(text) => text.parse().expect("a count"),
        None => 1,
    };
    let mut all = if least == 0 { at.clone() } else { BTreeSet::new() };
    for turn in 1..=most {
        at = once(particle, names, &at);
        if turn >= least {
            let before = all.len();
            all.extend(&at);
            if all.len() == before {
                break;
            }
        }
    }
    all
}

fn once(particle: Node<'_, '_>, names: &[&str], at: &BTreeSet<usize>) -> BTreeSet<usize> {
    match particle.tag_name().name() {
        "element" => {
            let name =
                particle.attribute("ref").or(particle.attribute("name")).expect("an element has a name");
            at.iter().filter(|&&at| names.get(at) == Some(&name)).map(|at| at + 1).collect()
        }
        "sequence" => parts(particle).fold(at.clone(), |at, part| ends(part, names, at)),
        "choice" => parts(particle).flat_map(|part| ends(part, names, at.clone())).collect(),
        other => panic!("<xs:{other}> in a content model"),
    }
}

#[cfg(test)]
mod tests {
    use super::violations;

    const SCHEMA: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema">
        <xs:simpleType name="short"><xs:restriction base="xs:string"><xs:pattern value="[a-z]{1,3}"/></xs:restriction></xs:simpleType>
        <xs:element name="leaf" type="xs:string"/>
        <xs:element name="tree"><xs:complexType>
            <xs:sequence>
                <xs:element ref="leaf"/>
                <xs:choice minOccurs="0" maxOccurs="2"><xs:element ref="leaf"/><xs:element ref="tree"/></xs:choice>
            </xs:sequence>
            <xs:attribute name="kind" type="short" use="required"/>
        </xs:complexType></xs:element>
    </xs:schema>"#;

    #[test]
    fn what_the_schema_allows_passes() {
        let good = r#"<tree kind="abc"><leaf>text</leaf><tree kind="b"><leaf/></tree><leaf/></tree>"#;
        assert_eq!(violations(SCHEMA, good), [""; 0]);
    }

    #[test]
    fn each_break_of_the_schema_is_told() {
        for (bad, said) in [
            ("<tree kind='a'><leaf/>", "no XML"),
            ("<bush/>", "declared nowhere"),
            ("<tree kind='a'/>", "does not allow these elements"),
            ("<tree kind='a'><leaf/><leaf/><leaf/><leaf/></tree>", "does not allow these elements"),
            ("<tree kind='a'>text<leaf/></tree>", "holds text"),
            ("<tree kind='a'><leaf><leaf/></leaf></tree>", "its type is simple"),
            ("<tree><leaf/></tree>", "lacks the attribute `kind`"),
            ("<tree kind='abcd'><leaf/></tree>", "where `short` belongs"),
            ("<tree kind='a' age='3'><leaf/></tree>", "an attribute `age`"),
        ] {
            let found = violations(SCHEMA, bad).join("\n");
            assert!(found.contains(said), "{bad}: {found:?}");
        }
    }
}
