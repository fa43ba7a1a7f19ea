//! A body in the form in which it is wanted.

use actas_exchange::ews::{Body, BodyType, BodyTypeResponse};

/// The body as HTML or as text, converted if it is stored as the other.
pub(crate) fn wanted(body: Body, form: Option<BodyTypeResponse>) -> Body {
    match (form, body.kind) {
        (Some(BodyTypeResponse::Html), BodyType::Text) => Body::html(to_html(&body.content)),
        (Some(BodyTypeResponse::Text), BodyType::Html) => Body::text(to_text(&body.content)),
        _ => body,
    }
}

/// The beginning of what a reader would see, on one line.
pub(crate) fn preview(body: &Body) -> String {
    const CHARS_MAX: usize = 255;
    let text = match body.kind {
        BodyType::Html => to_text(&body.content),
        BodyType::Text => body.content.clone(),
    };
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(CHARS_MAX).collect()
}

fn to_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 64);
    html.push_str("<html><body>");
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '\r' => {}
            '\n' => html.push_str("<br>\r\n"),
            c => html.push(c),
        }
    }
    html.push_str("</body></html>");
    html
}

/// What a reader would see: without tags, scripts and styles, with lines where blocks end.
fn to_text(html: &str) -> String {
    let mut text = String::with_capacity(html.len());
    let mut rest = html;
    while let Some(at) = rest.find(['<', '&']) {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        rest = if rest.starts_with('<') { skip_tag(rest, &mut text) } else { read_entity(rest, &mut text) };
    }
    text.push_str(rest);
    text.trim().to_owned()
}

/// Passes a tag at the beginning of `html`.
fn skip_tag<'a>(html: &'a str, text: &mut String) -> &'a str {
    if html.starts_with("<!--") {
        return html.split_once("-->").map_or("", |(_, rest)| rest);
    }
    let Some((tag, rest)) = html[1..].split_once('>') else {
        return "";
    };
    let name = tag.split(|c: char| c.is_whitespace()).next().unwrap_or_default().to_ascii_lowercase();
    match name.trim_end_matches('/') {
        "br" | "/p" | "/div" | "/tr" | "/li" | "/h1" | "/h2" | "/h3" => text.push_str("\r\n"),
        hidden @ ("script" | "style" | "head" | "title") => return after_element(rest, hidden),
        _ => {}
    }
    rest
}

/// What follows the end of an element that nobody sees.
fn after_element<'a>(html: &'a str, name: &str) -> &'a str {
    let lower = html.to_ascii_lowercase();
    let end = lower.find(&format!("</{name}")).and_then(|at| Some(at + lower[at..].find('>')? + 1));
    end.map_or("", |end| &html[end..])
}

/// Reads an entity at the beginning of `html`.
fn read_entity<'a>(html: &'a str, text: &mut String) -> &'a str {
    const NAME_BYTES_MAX: usize = 10;
    if let Some((name, rest)) = html[1..].split_once(';')
        && name.len() <= NAME_BYTES_MAX
        && let Some(c) = entity(name)
    {
        text.push(c);
        return rest;
    }
    text.push('&');
    &html[1..]
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        "nbsp" => Some('\u{a0}'),
        _ => {
            let number = name.strip_prefix('#')?;
            let number = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(number).filter(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t'))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn html_to_text() {
        let cases = [
            ("<p>10:02 Omar: lunch?</p><p>10:03 Lena: yes</p>", "10:02 Omar: lunch?\r\n10:03 Lena: yes"),
            ("a<br/>b<BR>c", "a\r\nb\r\nc"),
            ("a &amp; b &lt;c&gt; &#233; &#xe9; &unknown; &", "a & b <c> é é &unknown; &"),
            ("<html><head><title>t</title></head><body>x<script>alert('<b>')</script>y</body></html>", "xy"),
            ("x<!-- <p> -->y", "xy"),
            ("x<unfinished", "x"),
            ("<STYLE>never ends", ""),
            ("&#0;", "&#0;"),
        ];
        for (html, text) in cases {
            assert_eq!(to_text(html), text, "{html}");
        }
    }

    #[test]
    fn previews_are_short_and_on_one_line() {
        assert_eq!(preview(&Body::html("<p>10:02  Omar:</p><p>lunch?</p>")), "10:02 Omar: lunch?");
        assert_eq!(preview(&Body::text("é".repeat(300))), "é".repeat(255));
    }

    #[test]
    fn text_to_html_and_back() {
        let text = "a < b & c\r\nd";
        let html = wanted(Body::text(text), Some(BodyTypeResponse::Html));
        assert_eq!(html.content, "<html><body>a &lt; b &amp; c<br>\r\nd</body></html>");
        assert_eq!(wanted(Body::text(text), Some(BodyTypeResponse::Best)), Body::text(text));
        assert_eq!(wanted(Body::text(text), None), Body::text(text));
    }
}
