//! Texts that mean harm, or nothing: one error each, and no more

use std::fmt::Write as _;

use actas_exchange::ews::{Call, GetItemResponse, ResponseCode};
use actas_exchange::soap::{Fault, Service};
use actas_exchange::{Error, Position};

use crate::{ENVELOPE_BYTES_MAX, request, request_with};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Blame {
    Malformed,
    Unexpected,
    TooLarge,
}

fn blame(error: &Error) -> Blame {
    let questions = [error.is_malformed(), error.is_unexpected(), error.is_too_large()];
    match questions {
        [true, false, false] => Blame::Malformed,
        [false, true, false] => Blame::Unexpected,
        [false, false, true] => Blame::TooLarge,
        _ => panic!("exactly one is to blame for {error}"),
    }
}

#[track_caller]
fn check(text: impl AsRef<[u8]>, expected: Blame, message: &str) {
    let error = Call::parse(text.as_ref(), ENVELOPE_BYTES_MAX).unwrap_err();
    assert!(error.to_string().contains(message), "{error}");
    assert_eq!(blame(&error), expected, "{error}");
    let response = GetItemResponse::parse(text.as_ref(), ENVELOPE_BYTES_MAX);
    assert!(response.is_err());
}

#[test]
fn entities_do_not_multiply() {
    let mut text = "<?xml version='1.0'?><!DOCTYPE lolz [<!ENTITY l0 'lol'>".to_owned();
    for level in 1..10 {
        let inner = format!("&l{};", level - 1).repeat(10);
        write!(text, "<!ENTITY l{level} '{inner}'>").unwrap();
    }
    text.push_str("]><a>&l9;</a>");
    check(&text, Blame::Malformed, "document type");
    check("<!DOCTYPE a><a/>", Blame::Malformed, "document type");
    check("<a><!DOCTYPE a></a>", Blame::Malformed, "");
    check("<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>", Blame::Malformed, "document type");
    check(request("<m:GetItem>&x;</m:GetItem>"), Blame::Malformed, "x");
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}{}", "<a>".repeat(100_000), "</a>".repeat(100_000));
    check(&deep, Blame::TooLarge, "more than 64 elements inside elements");
    check("<a>".repeat(100_000), Blame::TooLarge, "more than 64 elements inside elements");
    check(request(&deep), Blame::TooLarge, "more than 64");
}

/// The fault that answers a long text is short, wherever the text is wrong.
#[test]
fn an_error_does_not_repeat_what_was_sent() {
    let long = "a".repeat(100_000);
    for text in [
        format!("<a></{long}>"),
        format!("</{long}>"),
        format!("<a {long}='1' {long}='2'/>"),
        format!("<{long}:b/>"),
        format!("<a>&{long};</a>"),
        format!("<{long}/>"),
        request(&format!("<m:{long}/>")),
        request(&format!("<m:GetItem><m:ItemShape><t:BaseShape>{long}</t:BaseShape></m:ItemShape></m:GetItem>")),
        request_with(&format!("<t:RequestServerVersion Version='{long}'/>"), "<m:GetItem/>"),
    ] {
        let error = Call::parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap_err();
        assert!(error.to_string().len() < 1000, "{} bytes of {}", error.to_string().len(), &text[..40]);
        assert!(Fault::from(&error).write(Service::Ews).len() < 3000);
    }
}

#[test]
fn attributes_and_namespaces_are_bounded() {
    let mut many = "<a".to_owned();
    for index in 0..100_000 {
        write!(many, " a{index}=''").unwrap();
    }
    many.push_str("/>");
    check(&many, Blame::TooLarge, "more than 32 attributes");
    let all = format!("<a>{}</a>", "<a b='' c='' d='' e=''/>".repeat(125_001));
    check(&all, Blame::TooLarge, "more than 500000 attributes");
    let mut nested = String::new();
    for level in 0..60 {
        write!(nested, "<a xmlns:p{level}='u{level}' xmlns:q{level}='v{level}'>").unwrap();
    }
    check(&nested, Blame::TooLarge, "more than 64 namespaces");
}

#[test]
fn nodes_are_bounded() {
    let body = format!("<m:GetItem>{}</m:GetItem>", "<a/>".repeat(500_000));
    check(request(&body), Blame::TooLarge, "XML nodes");
}

#[test]
fn bytes_are_bounded() {
    let text = request("<m:GetItem/>");
    let error = Call::parse(text.as_bytes(), text.len() - 1).unwrap_err();
    assert!(error.is_too_large());
}

#[test]
fn only_utf8_is_read() {
    let text = request("<m:Other/>");
    let utf16: Vec<u8> = std::iter::once(0xFEFF).chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    check(&utf16, Blame::Malformed, "UTF-16");
    check(&utf16[2..], Blame::Malformed, "UTF-16");
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
    check(&utf16, Blame::Malformed, "UTF-16");
    check(text.replace("utf-8", "ISO-8859-1"), Blame::Malformed, "`ISO-8859-1`");
    check(b"<a>\n\xFF</a>", Blame::Malformed, "not UTF-8 at line 2, column 1");
    let mut marked = b"\xEF\xBB\xBF".to_vec();
    marked.extend_from_slice(text.replace("utf-8", "UTF-8").as_bytes());
    assert!(Call::parse(&marked, ENVELOPE_BYTES_MAX).is_ok());
}

#[test]
fn broken_text_is_refused() {
    check("", Blame::Malformed, "no element");
    check("hello", Blame::Malformed, "");
    check("{\"a\":1}", Blame::Malformed, "");
    check("<a/><b/>", Blame::Malformed, "");
    check("<a></b>", Blame::Malformed, "");
    check("<p:a/>", Blame::Malformed, "p");
    check("<a b='1' b='2'/>", Blame::Malformed, "b");
    check("<a>\u{0}</a>", Blame::Malformed, "");
    check("<a>&#0;</a>", Blame::Malformed, "");
    check("<a>a & b</a>", Blame::Malformed, "");
    check("<a b='a & b'/>", Blame::Malformed, "");
}

#[test]
fn each_truncation_is_refused() {
    let text = request_with(
        "<t:RequestServerVersion Version=\"Exchange2016\"/>",
        "<m:DeleteItem DeleteType='HardDelete'><m:ItemIds><t:ItemId Id='a'/></m:ItemIds></m:DeleteItem>",
    );
    for end in 0..text.len() {
        let error = Call::parse(&text.as_bytes()[..end], ENVELOPE_BYTES_MAX).unwrap_err();
        assert!(error.is_malformed(), "{end}: {error}");
    }
    assert!(Call::parse(text.as_bytes(), ENVELOPE_BYTES_MAX).is_ok());
}

#[test]
fn other_shapes_are_refused() {
    check("<a/>", Blame::Unexpected, "not a SOAP envelope");
    let text = request("<m:Other/>");
    let soap12 = text.replace("schemas.xmlsoap.org/soap/envelope/", "www.w3.org/2003/05/soap-envelope");
    check(&soap12, Blame::Unexpected, "not SOAP 1.1");
    check(text.replace("http://schemas.microsoft", "https://schemas.microsoft"), Blame::Unexpected, "no operation");
    check(request(""), Blame::Unexpected, "`Body` is empty");
    check(request("<GetItem/>"), Blame::Unexpected, "no operation");
    check(request("<m:GetItem/>"), Blame::Unexpected, "lacks `ItemShape`");
    check(request("<m:DeleteItem><m:ItemIds/></m:DeleteItem>"), Blame::Unexpected, "lacks attribute `DeleteType`");
    check(
        request("<m:DeleteItem DeleteType='Gone'><m:ItemIds/></m:DeleteItem>"),
        Blame::Unexpected,
        "`Gone` is no DeleteType",
    );
    let create = |item: &str| {
        request(&format!("<m:CreateItem MessageDisposition='SaveOnly'><m:Items>{item}</m:Items></m:CreateItem>"))
    };
    check(create("<t:CalendarItem/>"), Blame::Unexpected, "`CalendarItem` is not supported");
    check(
        create("<t:Message><t:Attachments><t:ReferenceAttachment/></t:Attachments></t:Message>"),
        Blame::Unexpected,
        "`ReferenceAttachment` is not supported",
    );
    check(
        create("<t:Message><t:Body BodyType='HTML'><p>not escaped</p></t:Body></t:Message>"),
        Blame::Unexpected,
        "holds an element where text belongs",
    );
    check(create("<t:Message><t:IsRead>maybe</t:IsRead></t:Message>"), Blame::Unexpected, "is no Boolean");
    check(create("<t:Message><t:Subject>Smith & Sons</t:Subject></t:Message>"), Blame::Malformed, "");
}

#[test]
fn counts_are_bounded() {
    let ids = |count| {
        let ids = "<t:ItemId Id='a'/>".repeat(count);
        request(&format!("<m:DeleteItem DeleteType='HardDelete'><m:ItemIds>{ids}</m:ItemIds></m:DeleteItem>"))
    };
    assert!(Call::parse(ids(500).as_bytes(), ENVELOPE_BYTES_MAX).is_ok());
    check(ids(501), Blame::TooLarge, "more than 500 items in one request");
    let find = |restriction: &str| {
        request(&format!(
            "<m:FindItem Traversal='Shallow'><m:ItemShape><t:BaseShape>IdOnly</t:BaseShape></m:ItemShape>\
             <m:Restriction>{restriction}</m:Restriction><m:ParentFolderIds/></m:FindItem>"
        ))
    };
    let exists = "<t:Exists><t:FieldURI FieldURI='item:Subject'/></t:Exists>";
    let nested = |depth| format!("{}{exists}{}", "<t:Not>".repeat(depth), "</t:Not>".repeat(depth));
    assert!(Call::parse(find(&nested(15)).as_bytes(), ENVELOPE_BYTES_MAX).is_ok());
    check(find(&nested(16)), Blame::TooLarge, "more than 16 restrictions inside");
    let wide = |count| format!("<t:Or>{}</t:Or>", exists.repeat(count));
    assert!(Call::parse(find(&wide(199)).as_bytes(), ENVELOPE_BYTES_MAX).is_ok());
    check(find(&wide(200)), Blame::TooLarge, "more than 200 restrictions");
    check(find("<t:And/>"), Blame::Unexpected, "`And` is empty");
    check(find("<t:Excludes/>"), Blame::Unexpected, "not supported");
}

#[test]
fn impersonation_names_exactly_one() {
    let call = |sid: &str| {
        let header = format!("<t:ExchangeImpersonation>{sid}</t:ExchangeImpersonation>");
        Call::parse(request_with(&header, "<m:Other/>").as_bytes(), ENVELOPE_BYTES_MAX)
    };
    let good = "<t:ConnectingSID><t:SID>S-1-5-21</t:SID></t:ConnectingSID>";
    assert!(call(good).is_ok());
    for bad in [
        "",
        "<t:ConnectingSID/>",
        "<t:ConnectingSID><t:SID/></t:ConnectingSID>",
        "<t:ConnectingSID><t:SID>a</t:SID><t:PrincipalName>b</t:PrincipalName></t:ConnectingSID>",
        "<t:ConnectingSID><t:Name>a</t:Name></t:ConnectingSID>",
        "<t:ConnectingSID><t:SmtpAddress>a</t:SmtpAddress></t:ConnectingSID>",
    ] {
        let code = call(bad).unwrap_err().response_code();
        assert_eq!(code, ResponseCode::ErrorInvalidExchangeImpersonationHeaderData, "{bad}");
    }
    let twice = format!("{good}</t:ExchangeImpersonation><t:ExchangeImpersonation>{good}");
    assert!(call(&twice).is_err());
}

#[test]
fn each_error_has_its_code() {
    let version = |version: &str| {
        let header = format!("<t:RequestServerVersion Version='{version}'/>");
        Call::parse(request_with(&header, "<m:Other/>").as_bytes(), ENVELOPE_BYTES_MAX)
    };
    assert!(version("V2017_07_11").is_ok());
    let code = version("Exchange2525").unwrap_err().response_code();
    assert_eq!(code, ResponseCode::ErrorInvalidServerVersion);
    let property = |attributes: &str, value: &str| {
        let body = format!(
            "<m:CreateItem MessageDisposition='SaveOnly'><m:Items><t:Message><t:ExtendedProperty>\
             <t:ExtendedFieldURI {attributes}/><t:Value>{value}</t:Value></t:ExtendedProperty>\
             </t:Message></m:Items></m:CreateItem>"
        );
        Call::parse(request(&body).as_bytes(), ENVELOPE_BYTES_MAX).map(|_| ())
    };
    assert_eq!(property("PropertyTag='3591' PropertyType='Integer'", "1"), Ok(()));
    let cases = [
        ("PropertyTag='3591' PropertyType='Integer'", "x", ResponseCode::ErrorInvalidExtendedPropertyValue),
        ("PropertyTag='3591' PropertyType='IntegerArray'", "1", ResponseCode::ErrorInvalidExtendedPropertyValue),
        ("PropertyTag='0x8001' PropertyType='Integer'", "1", ResponseCode::ErrorInvalidExtendedProperty),
        ("PropertyTag='1' PropertyType='Number'", "1", ResponseCode::ErrorInvalidExtendedProperty),
        ("PropertyName='a' PropertyType='String'", "1", ResponseCode::ErrorInvalidExtendedProperty),
        ("PropertyTag='1' PropertyName='a' PropertyType='String'", "1", ResponseCode::ErrorInvalidExtendedProperty),
        ("PropertyType='String'", "1", ResponseCode::ErrorInvalidExtendedProperty),
    ];
    for (attributes, value, expected) in cases {
        let code = property(attributes, value).unwrap_err().response_code();
        assert_eq!(code, expected, "{attributes}");
    }
}

#[test]
fn an_error_becomes_a_fault_with_its_place() {
    let text = request("<m:GetItem>\n  <m:ItemShape>").replace("</s:Body>", "");
    let error = Call::parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap_err();
    assert!(matches!(error.position(), Some(Position { line: 2, .. })), "{error}");
    let written = Fault::from(&error).write(Service::Ews);
    assert!(written.contains("<t:LineNumber>2</t:LineNumber>"), "{written}");
    assert!(written.contains("<t:Violation>malformed XML: "), "{written}");
}

#[test]
fn comments_do_not_cut_a_text() {
    let text = request_with(
        "<t:ExchangeImpersonation><t:ConnectingSID><t:PrincipalName>lena@fabrikam.example<!-- -->.evil.example\
         </t:PrincipalName></t:ConnectingSID></t:ExchangeImpersonation>",
        "<m:Other/>",
    );
    let call = Call::parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap();
    let name = call.header.impersonation.unwrap();
    assert_eq!(name.as_str(), "lena@fabrikam.example.evil.example");
}
