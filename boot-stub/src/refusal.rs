//! Why a boot stops, said so that somebody in front of the screen knows what to do.

use alloc::string::String;
use core::fmt;
use core::panic::PanicInfo;
use core::time::Duration;

use boot_formats::Sha256Digest;
use boot_formats::pe::PeError;
use boot_formats::uki::UkiError;
use uefi::{Status, boot, runtime};

/// Writes a line on the screen.
macro_rules! show {
    ($($text:tt)*) => {
        uefi::system::with_stdout(|out| {
            // A screen that does not take text leaves nobody to tell.
            let _ = core::fmt::Write::write_fmt(out, format_args!($($text)*));
            let _ = core::fmt::Write::write_str(out, "\r\n");
        })
    };
}
pub(crate) use show;

/// What this program's functions give.
pub type Result<T> = core::result::Result<T, Refusal>;

/// How long a message stays before the firmware goes on with its next boot option.
const TIME_TO_READ: Duration = Duration::from_secs(20);

/// Why the kernel is not started.
pub enum Refusal {
    /// The firmware did not do what it should.
    Firmware { what: &'static str, status: Status },
    /// The image's own headers.
    Image(PeError),
    /// The image's sections.
    Sections(UkiError),
    /// There is nothing to start.
    NoKernel,
    /// The kernel is no image for this machine.
    Kernel(&'static str),
    /// A file of a thin image is not there.
    Missing { path: String, status: Status },
    /// A file of a thin image is another one than was signed.
    Changed {
        path: String,
        signed: Sha256Digest,
        actual: Sha256Digest,
    },
    /// A command line that nobody signed.
    CommandLine { given: String, signed: String },
    /// Something could not be measured.
    Measurement { what: &'static str, status: Status },
    /// The signed policy asks for a TPM.
    NoTpm,
    /// Something else has offered an initrd.
    ForeignInitrd,
}

impl Refusal {
    /// Shows the reason, waits so that it can be read, and gives the status for the firmware.
    pub fn report(&self) -> Status {
        show!("\r\nfirn-stub: NOT BOOTED: {self}");
        show!("firn-stub: what to do: {}", self.advice());
        boot::stall(TIME_TO_READ);
        match self {
            Self::Firmware { status, .. } | Self::Missing { status, .. } => *status,
            Self::Image(_) | Self::Sections(_) | Self::NoKernel | Self::Kernel(_) => Status::LOAD_ERROR,
            Self::Changed { .. } | Self::CommandLine { .. } | Self::Measurement { .. } | Self::NoTpm | Self::ForeignInitrd => {
                Status::SECURITY_VIOLATION
            }
        }
    }

    const fn advice(&self) -> &'static str {
        match self {
            Self::Firmware { .. } => "choose another entry, or update the firmware",
            Self::Image(_) | Self::Sections(_) | Self::NoKernel | Self::Kernel(_) => "boot an older generation and build this image again",
            Self::Missing { .. } | Self::Changed { .. } => {
                "boot an older generation and install this one again; if nobody changed the partition, check the disk"
            }
            Self::CommandLine { .. } => "boot without editing the entry; a line of your own has to be signed, as an addon or a profile",
            Self::Measurement { .. } => "turn the machine off and on; if the TPM stays silent, boot an image with measure=lenient",
            Self::NoTpm => "turn the TPM on in the firmware's menu, or boot an image with another policy",
            Self::ForeignInitrd => "start the image directly, without an initrd in the loader's entry",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firmware { what, status } => write!(f, "the firmware could not {what} ({status})"),
            Self::Image(error) => write!(f, "this image cannot be read: {error}"),
            Self::Sections(error) => write!(f, "this image is not put together right: {error}"),
            Self::NoKernel => f.write_str("this image has no kernel"),
            Self::Kernel(what) => write!(f, "the kernel {what}"),
            Self::Missing { path, status } => write!(f, "{} is missing or cannot be read ({status})", Plain(path)),
            Self::Changed { path, signed, actual } => {
                let path = Plain(path);
                write!(
                    f,
                    "{path} is not the file that was signed\r\n  signed: {}\r\n  found:  {}",
                    Hex(signed),
                    Hex(actual)
                )
            }
            Self::CommandLine { given, signed } => write!(
                f,
                "the command line is not the signed one\r\n  signed: {}\r\n  given:  {}",
                Plain(signed),
                Plain(given)
            ),
            Self::Measurement { what, status } => write!(f, "the TPM did not measure {what} ({status})"),
            Self::NoTpm => f.write_str("there is no TPM, and the signed policy is measure=required"),
            Self::ForeignInitrd => f.write_str("something else offers an initrd that nobody signed"),
        }
    }
}

impl From<UkiError> for Refusal {
    fn from(error: UkiError) -> Self {
        Self::Sections(error)
    }
}

/// Foreign text: what is not a plain character becomes a question mark.
pub struct Plain<'a>(pub &'a str);

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .take(512)
            .try_for_each(|c| fmt::Write::write_char(f, if matches!(c, ' '..='~') { c } else { '?' }))
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    show!("\r\nfirn-stub: NOT BOOTED: a bug in the stub: {info}");
    boot::stall(TIME_TO_READ);
    runtime::reset(runtime::ResetType::COLD, Status::ABORTED, None)
}
