//! A page that a browser shows, as the vendor's `-Report` writes it.

use std::fmt::Write;

use super::{Record, text};

/// Returns a page with the objects, one table each. It needs nothing from elsewhere, and holds
/// no script.
pub(crate) fn page(title: &str, lines: &[String], records: &[Record]) -> String {
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n\
         <style>body {{ font-family: sans-serif }} th {{ text-align: left; padding-right: 2em }}</style>\n\
         </head>\n<body>\n<h1>{0}</h1>\n",
        escaped(title)
    );
    for line in lines {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "<p>{}</p>", escaped(line));
    }
    for record in records {
        out.push_str("<table>\n");
        for (name, value) in record.iter() {
            let value = text::of_value(value);
            let _ = writeln!(out, "<tr><th>{}</th><td>{}</td></tr>", escaped(name), escaped(&value));
        }
        out.push_str("</table>\n<hr>\n");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_shown_and_not_run() {
        let record = Record::new().with("Subject", "CN=<script>alert(\"1\")</script> & \u{1b}[31m");
        let page = page("A <b>", &["of & for".to_owned()], &[record]);
        assert!(!page.contains("<script") && !page.contains("<b>") && !page.contains('\u{1b}'), "{page}");
        assert!(
            page.contains("CN=&lt;script&gt;alert(&quot;1&quot;)") && page.contains("<p>of &amp; for</p>"),
            "{page}"
        );
    }
}
