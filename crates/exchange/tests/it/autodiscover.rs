//! "GetUserSettings operation (SOAP)": the texts that clients depend on

use actas_exchange::autodiscover::{
    ErrorCode, GetUserSettingsRequest, GetUserSettingsResponse, SettingError, UserResponse, UserSetting, setting,
};
use actas_exchange::ews::ConnectingSid;
use actas_exchange::soap::Reply;

use crate::ENVELOPE_BYTES_MAX;

#[test]
fn a_request_is_written_as_clients_write_it() {
    let request = GetUserSettingsRequest {
        requested_version: Some("Exchange2016".to_owned()),
        to: Some("https://autodiscover.fabrikam.example/autodiscover/autodiscover.svc".to_owned()),
        impersonated: None,
        users: vec!["lena@fabrikam.example".to_owned()],
        settings: vec!["ExternalEwsUrl".to_owned(), "CasVersion".to_owned()],
    };
    let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
        <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
        xmlns:wsa=\"http://www.w3.org/2005/08/addressing\" \
        xmlns:a=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\" \
        xmlns:t=\"http://schemas.microsoft.com/exchange/services/2006/types\">\
        <s:Header>\
        <a:RequestedServerVersion>Exchange2016</a:RequestedServerVersion>\
        <wsa:Action>http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettings</wsa:Action>\
        <wsa:To>https://autodiscover.fabrikam.example/autodiscover/autodiscover.svc</wsa:To>\
        </s:Header>\
        <s:Body><a:GetUserSettingsRequestMessage><a:Request>\
        <a:Users><a:User><a:Mailbox>lena@fabrikam.example</a:Mailbox></a:User></a:Users>\
        <a:RequestedSettings><a:Setting>ExternalEwsUrl</a:Setting><a:Setting>CasVersion</a:Setting></a:RequestedSettings>\
        </a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>";
    assert_eq!(request.write(), expected);
}

#[test]
fn the_request_of_exchangelib_is_read() {
    let text = "<?xml version='1.0' encoding='utf-8'?>\
        <s:Envelope xmlns:a='http://schemas.microsoft.com/exchange/2010/Autodiscover' \
        xmlns:s='http://schemas.xmlsoap.org/soap/envelope/' \
        xmlns:t='http://schemas.microsoft.com/exchange/services/2006/types' \
        xmlns:wsa='http://www.w3.org/2005/08/addressing'>\
        <s:Header><a:RequestedServerVersion>Exchange2016</a:RequestedServerVersion>\
        <t:ExchangeImpersonation><t:ConnectingSID>\
        <t:PrimarySmtpAddress>Lena@fabrikam.example</t:PrimarySmtpAddress>\
        </t:ConnectingSID></t:ExchangeImpersonation>\
        <wsa:Action>x</wsa:Action><wsa:To>https://localhost:8443/x.svc</wsa:To></s:Header>\
        <s:Body><a:GetUserSettingsRequestMessage><a:Request><a:Users><a:User>\
        <a:Mailbox>lena@fabrikam.example</a:Mailbox></a:User></a:Users>\
        <a:RequestedSettings><a:Setting>UserDN</a:Setting></a:RequestedSettings>\
        <a:RequestedVersion>Exchange2016</a:RequestedVersion>\
        </a:Request></a:GetUserSettingsRequestMessage></s:Body></s:Envelope>";
    let request = GetUserSettingsRequest::parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap();
    let address = "lena@fabrikam.example".parse().unwrap();
    let expected = GetUserSettingsRequest {
        requested_version: Some("Exchange2016".to_owned()),
        to: Some("https://localhost:8443/x.svc".to_owned()),
        impersonated: Some(ConnectingSid::PrimarySmtpAddress(address)),
        users: vec!["lena@fabrikam.example".to_owned()],
        settings: vec![setting::USER_DN.to_owned()],
    };
    assert_eq!(request, expected);
}

#[test]
fn a_response_is_written_as_clients_need_it() {
    let url = "https://mail.fabrikam.example/EWS/Exchange.asmx";
    let user = UserResponse::new(
        vec![UserSetting::new(setting::EXTERNAL_EWS_URL, url)],
        vec![SettingError::not_available("ExternalEcpUrl")],
    );
    let expected = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\
        <s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" \
        xmlns:wsa=\"http://www.w3.org/2005/08/addressing\"><s:Header>\
        <wsa:Action s:mustUnderstand=\"1\">http://schemas.microsoft.com/exchange/2010/Autodiscover/Autodiscover/GetUserSettingsResponse</wsa:Action>\
        <h:ServerVersionInfo xmlns:h=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\">\
        <h:MajorVersion>15</h:MajorVersion><h:MinorVersion>2</h:MinorVersion>\
        <h:MajorBuildNumber>1544</h:MajorBuildNumber><h:MinorBuildNumber>4</h:MinorBuildNumber>\
        <h:Version>Exchange2016</h:Version></h:ServerVersionInfo></s:Header>\
        <s:Body><GetUserSettingsResponseMessage xmlns=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\">\
        <Response xmlns:i=\"http://www.w3.org/2001/XMLSchema-instance\">\
        <ErrorCode>NoError</ErrorCode><ErrorMessage></ErrorMessage>\
        <UserResponses><UserResponse>\
        <ErrorCode>NoError</ErrorCode><ErrorMessage>No error.</ErrorMessage>\
        <RedirectTarget i:nil=\"true\"/>\
        <UserSettingErrors><UserSettingError><ErrorCode>SettingIsNotAvailable</ErrorCode>\
        <ErrorMessage>Setting is not available.</ErrorMessage><SettingName>ExternalEcpUrl</SettingName></UserSettingError></UserSettingErrors>\
        <UserSettings><UserSetting i:type=\"StringSetting\"><Name>ExternalEwsUrl</Name>\
        <Value>https://mail.fabrikam.example/EWS/Exchange.asmx</Value></UserSetting></UserSettings>\
        </UserResponse></UserResponses></Response></GetUserSettingsResponseMessage></s:Body></s:Envelope>";
    assert_eq!(GetUserSettingsResponse::new(vec![user]).write(), expected);
}

#[test]
fn a_response_of_another_server_is_read() {
    let text = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body>\
        <x:GetUserSettingsResponseMessage xmlns:x=\"http://schemas.microsoft.com/exchange/2010/Autodiscover\" \
        xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"><x:Response>\
        <x:ErrorCode>NoError</x:ErrorCode><x:ErrorMessage/><x:UserResponses>\
        <x:UserResponse><x:ErrorCode>RedirectAddress</x:ErrorCode><x:ErrorMessage>moved</x:ErrorMessage>\
        <x:RedirectTarget>lena@fabrikam.mail.onmicrosoft.com</x:RedirectTarget><x:UserSettings/></x:UserResponse>\
        <x:UserResponse><x:ErrorCode>NoError</x:ErrorCode><x:RedirectTarget xsi:nil=\"true\"/><x:UserSettings>\
        <x:UserSetting xsi:type=\"x:StringSetting\"><x:Name>ExternalEwsUrl</x:Name><x:Value>u</x:Value></x:UserSetting>\
        <x:UserSetting xsi:type=\"x:AlternateMailboxCollectionSetting\"><x:Name>AlternateMailboxes</x:Name><x:AlternateMailboxes/></x:UserSetting>\
        </x:UserSettings></x:UserResponse>\
        </x:UserResponses></x:Response></x:GetUserSettingsResponseMessage></s:Body></s:Envelope>";
    let reply = GetUserSettingsResponse::parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap();
    let response = reply.answer().unwrap();
    assert_eq!(response.users[0].error, ErrorCode::RedirectAddress);
    let target = response.users[0].redirect_target.as_deref();
    assert_eq!(target, Some("lena@fabrikam.mail.onmicrosoft.com"));
    assert_eq!(response.users[1].redirect_target, None);
    assert_eq!(response.users[1].settings, [UserSetting::new("ExternalEwsUrl", "u")]);
}

#[test]
fn a_fault_of_the_framework_is_a_fault() {
    let text = "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\"><s:Body><s:Fault>\
        <faultcode xmlns:a=\"http://schemas.microsoft.com/net/2005/12/windowscommunicationfoundation/dispatcher\">a:InternalServiceFault</faultcode>\
        <faultstring xml:lang=\"en-US\">The server was unable to process the request.</faultstring>\
        </s:Fault></s:Body></s:Envelope>";
    let reply = GetUserSettingsResponse::parse(text.as_bytes(), ENVELOPE_BYTES_MAX).unwrap();
    let Reply::Fault(fault) = reply else {
        panic!("a fault");
    };
    assert_eq!(fault.code.as_str(), "InternalServiceFault");
    assert_eq!(fault.message, "The server was unable to process the request.");
}

#[test]
fn counts_are_bounded() {
    let mut request =
        GetUserSettingsRequest { users: vec!["a@b".to_owned(); 101], ..GetUserSettingsRequest::default() };
    let error = GetUserSettingsRequest::parse(request.write().as_bytes(), ENVELOPE_BYTES_MAX);
    assert!(error.unwrap_err().is_too_large());
    request.users.clear();
    request.settings = vec!["UserDN".to_owned(); 101];
    let error = GetUserSettingsRequest::parse(request.write().as_bytes(), ENVELOPE_BYTES_MAX);
    assert!(error.unwrap_err().is_too_large());
}
