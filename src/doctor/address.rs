//! Whether the collector counts a visitor's own address behind the proxy, from the collector's own report.

use crate::collect::address_report::{AddressReport, HeaderState, NETWORK_HEADERS, ProofState};
use crate::doctor::finding::DoctorFinding;

/// Judges the report of a probe that claimed an address in `header`; `is_direct` where no proxy is expected.
pub(super) fn judge(report: &AddressReport, header: &str, is_direct: bool) -> DoctorFinding {
    let is_believed = report.is_trusted || report.proof == ProofState::Right;
    match report.proof {
        ProofState::Wrong => {
            return DoctorFinding::problem(
                "address: the proxy sends another x-sillage-secret than collect.trusted_header_secret, so its header is \
                 not read; write the same value in both",
            );
        }
        ProofState::Absent if !report.is_trusted => {
            return DoctorFinding::problem(
                "address: collect.trusted_header_secret is set, but the proxy sends no x-sillage-secret, so its header \
                 is not read; add the header in the proxy",
            );
        }
        ProofState::Unset | ProofState::Absent | ProofState::Right => {}
    }
    if is_believed { believed(report, header, is_direct) } else { unbelieved(report, header, is_direct) }
}

fn unbelieved(report: &AddressReport, header: &str, is_direct: bool) -> DoctorFinding {
    match report.header {
        HeaderState::Appended | HeaderState::Replaced => DoctorFinding::problem(format!(
            "address: the proxy sends {header} but is not trusted, so all visitors have its address and count as few; \
             set collect.trusted_proxies to the address that it connects from, then restart"
        )),
        HeaderState::Absent | HeaderState::Unreadable | HeaderState::Claimed if is_direct => {
            DoctorFinding::ok("address: direct connection; headers of visitors are not believed")
        }
        HeaderState::Absent | HeaderState::Unreadable | HeaderState::Claimed if report.is_local => {
            DoctorFinding::problem(format!(
                "address: the proxy is not trusted and sends no {header}, so all visitors have its address and count as \
                 few; let it send the header, and set collect.trusted_proxies to the address that it connects from"
            ))
        }
        HeaderState::Absent | HeaderState::Unreadable | HeaderState::Claimed => {
            DoctorFinding::note("address: the connection arrives with a public address and no proxy's header")
        }
    }
}

fn believed(report: &AddressReport, header: &str, is_direct: bool) -> DoctorFinding {
    let others = || match report.others.as_slice() {
        [] => String::new(),
        names => format!("; the request has {}, which collect.client_address_header can name", names.join(", ")),
    };
    let network = report.others.iter().find(|name| NETWORK_HEADERS.contains(&name.as_str()));
    match report.header {
        HeaderState::Absent | HeaderState::Claimed if is_direct => DoctorFinding::note(
            "address: direct connection from a trusted proxy's address; other clients there may name any address",
        ),
        HeaderState::Absent => DoctorFinding::problem(format!(
            "address: the proxy is trusted but sends no {header}, so all visitors have its address and count as few; \
             let it send the header (nginx: proxy_set_header {header} $remote_addr){}",
            others()
        )),
        HeaderState::Unreadable => DoctorFinding::problem(format!(
            "address: the last entry of {header} is not an address, so all visitors have the proxy's and count as few; \
             let the proxy write the address of its client there{}",
            others()
        )),
        HeaderState::Claimed => DoctorFinding::problem(format!(
            "address: the proxy hands on {header} as the visitor wrote it, so visitors choose their address; let the \
             proxy replace the header (nginx: proxy_set_header {header} $remote_addr)"
        )),
        HeaderState::Appended | HeaderState::Replaced if network.is_some() => DoctorFinding::problem(format!(
            "address: {} names another client than {header}: a delivery network stands before the proxy and its address \
             counts; set collect.client_address_header to that name, or add the network to collect.trusted_proxies",
            network.map_or("", String::as_str)
        )),
        HeaderState::Appended | HeaderState::Replaced => {
            DoctorFinding::ok(format!("address: the proxy's {header} names the visitor"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::FindingLevel;

    #[test]
    fn each_state_of_the_proxy_s_header_is_told_with_its_remedy() {
        use FindingLevel::{Note, Ok, Problem};
        use HeaderState::{Absent, Appended, Claimed, Replaced, Unreadable};
        use ProofState::{Right, Unset, Wrong};
        for (is_trusted, header, proof, is_direct, level, says) in [
            (true, Replaced, Unset, false, Ok, "names the visitor"),
            (true, Appended, Unset, false, Ok, "names the visitor"),
            (false, Replaced, Right, false, Ok, "names the visitor"),
            (true, Absent, Unset, false, Problem, "sends no x-forwarded-for"),
            (true, Unreadable, Unset, false, Problem, "not an address"),
            (true, Claimed, Unset, false, Problem, "visitors choose their address"),
            (true, Claimed, Unset, true, Note, "direct connection"),
            (false, Replaced, Unset, false, Problem, "is not trusted"),
            (false, Appended, Unset, true, Problem, "is not trusted"),
            (false, Claimed, Unset, false, Problem, "not trusted and sends no"),
            (false, Claimed, Unset, true, Ok, "direct connection"),
            (false, Absent, Unset, true, Ok, "direct connection"),
            (true, Replaced, Wrong, false, Problem, "another x-sillage-secret"),
            (false, Replaced, ProofState::Absent, false, Problem, "sends no x-sillage-secret"),
            (true, Replaced, ProofState::Absent, false, Ok, "names the visitor"),
        ] {
            let report = AddressReport { is_trusted, is_local: true, header, proof, others: Vec::new() };
            let finding = judge(&report, "x-forwarded-for", is_direct);
            assert_eq!(finding.level, level, "{report:?}: {finding}");
            assert!(finding.text.contains(says), "{finding}");
        }
    }

    #[test]
    fn a_delivery_network_before_the_proxy_is_named_by_its_header() {
        let report = |header| AddressReport {
            is_trusted: true,
            is_local: true,
            header,
            proof: ProofState::Unset,
            others: vec!["x-real-ip".into(), "cf-connecting-ip".into()],
        };
        let finding = judge(&report(HeaderState::Replaced), "x-forwarded-for", false);
        assert!(finding.is_problem() && finding.text.contains("cf-connecting-ip names another client"), "{finding}");
        let finding = judge(&report(HeaderState::Absent), "x-forwarded-for", false);
        assert!(finding.text.contains("the request has x-real-ip, cf-connecting-ip"), "{finding}");
    }
}
