//! Measurements: what is handed over goes into the TPM first.

use alloc::vec::Vec;

use boot_formats::pcr::KERNEL_BOOT;
use boot_formats::uki::{Kind, Measure, measured_name};
use uefi::Status;
use uefi::boot::{self, ScopedProtocol};
use uefi::proto::tcg::v2::{HashLogExtendEventFlags, PcrEventInputs, Tcg};
use uefi::proto::tcg::{EventType, PcrIndex};

use crate::refusal::{Refusal, Result, show};

/// The TPM, or that there is none, and what to do if it fails.
pub struct Tpm {
    tcg: Option<ScopedProtocol<Tcg>>,
    policy: Measure,
    measured: Vec<u32>,
}

impl Tpm {
    /// Looks for a TPM. A firmware that has one which does not answer counts as a failed measurement.
    pub fn open(policy: Measure) -> Result<Self> {
        let mut tpm = Self {
            tcg: None,
            policy,
            measured: Vec::new(),
        };
        let Ok(handle) = boot::get_handle_for_protocol::<Tcg>() else {
            return if policy == Measure::Required {
                Err(Refusal::NoTpm)
            } else {
                Ok(tpm)
            };
        };
        match boot::open_protocol_exclusive::<Tcg>(handle) {
            Ok(mut tcg) => match tcg.get_capability() {
                Ok(capability) if capability.tpm_present() => tpm.tcg = Some(tcg),
                Ok(_) => tpm.failed("anything: the firmware has a TPM that does not answer", Status::DEVICE_ERROR)?,
                Err(error) => tpm.failed("anything", error.status())?,
            },
            Err(error) => tpm.failed("anything", error.status())?,
        }
        Ok(tpm)
    }

    /// Measures a section of the image, as systemd's stub does: its name, then what it says.
    pub fn measure_section(&mut self, kind: Kind, data: &[u8]) -> Result<()> {
        self.measure(KERNEL_BOOT, kind.name(), kind.name(), &measured_name(kind))?;
        self.measure(KERNEL_BOOT, kind.name(), kind.name(), data)
    }

    /// Measures a command line: UTF-16 with its terminating zero.
    pub fn measure_text(&mut self, register: u32, text: &str) -> Result<()> {
        let bytes: Vec<u8> = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        self.measure(register, "a command line", text, &bytes)
    }

    /// Measures some bytes; `label` goes into the log.
    pub fn measure(&mut self, register: u32, what: &'static str, label: &str, data: &[u8]) -> Result<()> {
        let Some(tcg) = self.tcg.as_mut() else {
            return Ok(());
        };
        let label: Vec<u8> = label.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
        let event = PcrEventInputs::new_in_box(PcrIndex(register), EventType::IPL, &label);
        let done = event.and_then(|event| tcg.hash_log_extend_event(HashLogExtendEventFlags::empty(), data, &event));
        match done {
            Ok(()) => {
                if !self.measured.contains(&register) {
                    self.measured.push(register);
                }
                Ok(())
            }
            Err(error) => self.failed(what, error.status()),
        }
    }

    /// Which registers hold measurements of ours.
    pub fn has_measured(&self) -> &[u32] {
        &self.measured
    }

    fn failed(&self, what: &'static str, status: Status) -> Result<()> {
        if self.policy == Measure::Lenient {
            show!("firn-stub: the TPM did not measure {what} ({status}); going on, as the signed policy says");
            return Ok(());
        }
        Err(Refusal::Measurement { what, status })
    }
}
