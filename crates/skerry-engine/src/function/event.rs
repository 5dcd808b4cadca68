//! Between the snapshot's origins and those of an event.

use skerry_contract::{AuthMethod, CustomOrigin, Origin as EventOrigin, Protocol, S3Origin};

use crate::snapshot::{Origin, OriginHeader, OriginKind, OriginProtocol};

/// An origin as an event shows it. `match-viewer` shows what this viewer makes of it.
pub fn origin(origin: &Origin, viewer_is_https: bool) -> EventOrigin {
    let headers = origin.headers.iter().map(|h| (h.name.clone(), h.value.clone())).collect();
    match origin.kind {
        OriginKind::S3 => EventOrigin::S3(S3Origin {
            domain: origin.domain.clone(),
            path: origin.path.clone(),
            auth_method: if origin.access == "oai" {
                AuthMethod::OriginAccessIdentity
            } else {
                AuthMethod::None
            },
            region: origin.region.clone().unwrap_or_default(),
            headers,
        }),
        OriginKind::Custom => {
            let https = match origin.protocol {
                OriginProtocol::HttpOnly => false,
                OriginProtocol::HttpsOnly => true,
                OriginProtocol::MatchViewer => viewer_is_https,
            };
            EventOrigin::Custom(CustomOrigin {
                domain: origin.domain.clone(),
                path: origin.path.clone(),
                port: if https { origin.https_port } else { origin.http_port },
                protocol: if https { Protocol::Https } else { Protocol::Http },
                keepalive_s: origin.keepalive_s as u32,
                read_timeout_s: origin.read_timeout_s as u32,
                ssl_protocols: origin.ssl_protocols.clone(),
                headers,
            })
        }
    }
}

/// What a function made of it, over the settings an event does not show.
pub fn changed(base: &Origin, event: EventOrigin) -> Origin {
    let mut origin = base.clone();
    origin.domain = event.domain().to_owned();
    origin.headers = event
        .headers()
        .iter()
        .map(|(name, value)| OriginHeader { name: name.clone(), value: value.clone() })
        .collect();
    match event {
        EventOrigin::S3(s3) => {
            origin.kind = OriginKind::S3;
            origin.path = s3.path;
            origin.region = (!s3.region.is_empty()).then_some(s3.region);
        }
        EventOrigin::Custom(custom) => {
            origin.kind = OriginKind::Custom;
            origin.path = custom.path;
            let https = custom.protocol == Protocol::Https;
            origin.protocol = if https { OriginProtocol::HttpsOnly } else { OriginProtocol::HttpOnly };
            *(if https { &mut origin.https_port } else { &mut origin.http_port }) = custom.port;
            origin.keepalive_s = f64::from(custom.keepalive_s);
            origin.read_timeout_s = f64::from(custom.read_timeout_s);
            origin.ssl_protocols = custom.ssl_protocols;
        }
    }
    origin
}
