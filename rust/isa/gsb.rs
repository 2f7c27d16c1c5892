// SPDX-License-Identifier: GPL-2.0

//! Guest state buffers, by which a partition and its hypervisor tell each other of the partition's guests.
//!
//! A buffer is a count of elements (4 bytes), then the elements: id and size of the value (2 bytes each), then the
//! value; all big-endian and without padding. Source: Linux, Documentation/arch/powerpc/kvm-nested.rst; PAPR.

/// What an element is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Id(u16);

/// Of what an element tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// The hypervisor as a whole.
    Host,
    /// A guest.
    Guest,
    /// A vCPU.
    Vcpu,
}

macro_rules! ids {
    ($( $(#[$doc:meta])* $name:ident = $id:literal, )*) => {
        impl Id {
            $( $(#[$doc])* pub const $name: Self = Self($id); )*
        }
    };
}

ids! {
    /// Nothing, of any size.
    NOP = 0,
    /// How large the output buffer of `H_GUEST_RUN_VCPU` has to be at least.
    RUN_OUTPUT_MIN_SIZE = 2,
    /// The architecture level, as a logical PVR.
    LOGICAL_PVR = 3,
    /// What the guest's timebase is ahead of the partition's.
    TB_OFFSET = 4,
    /// The partition-scoped tree: real address of its root, bits of address, bytes of the root.
    PARTITION_TABLE = 5,
    /// The process table: guest real address, bytes.
    PROCESS_TABLE = 6,
    /// The input buffer of `H_GUEST_RUN_VCPU`: real address, bytes.
    RUN_INPUT = 0xc00,
    /// Its output buffer.
    RUN_OUTPUT = 0xc01,
    /// The virtual processor area's real address.
    VPA = 0xc02,
    /// GPR 0; the others follow.
    GPR0 = 0x1000,
    /// The timebase at which the guest exits at the latest.
    HDEC_EXPIRY = 0x1020,
    /// Next instruction's address.
    NIA = 0x1021,
    /// MSR.
    MSR = 0x1022,
    /// LR.
    LR = 0x1023,
    /// XER.
    XER = 0x1024,
    /// CTR.
    CTR = 0x1025,
    /// CFAR.
    CFAR = 0x1026,
    /// SRR0.
    SRR0 = 0x1027,
    /// SRR1.
    SRR1 = 0x1028,
    /// DAR.
    DAR = 0x1029,
    /// The timebase of the partition at which the decrementer expires.
    DEC_EXPIRY = 0x102a,
    /// VTB.
    VTB = 0x102b,
    /// LPCR.
    LPCR = 0x102c,
    /// HFSCR.
    HFSCR = 0x102d,
    /// FSCR.
    FSCR = 0x102e,
    /// FPSCR.
    FPSCR = 0x102f,
    /// DAWR0.
    DAWR0 = 0x1030,
    /// DAWR1.
    DAWR1 = 0x1031,
    /// CIABR.
    CIABR = 0x1032,
    /// PURR.
    PURR = 0x1033,
    /// SPURR.
    SPURR = 0x1034,
    /// IC.
    IC = 0x1035,
    /// SPRG0.
    SPRG0 = 0x1036,
    /// SPRG1.
    SPRG1 = 0x1037,
    /// SPRG2.
    SPRG2 = 0x1038,
    /// SPRG3.
    SPRG3 = 0x1039,
    /// PPR.
    PPR = 0x103a,
    /// MMCR0.
    MMCR0 = 0x103b,
    /// MMCR1.
    MMCR1 = 0x103c,
    /// MMCR2.
    MMCR2 = 0x103d,
    /// MMCR3.
    MMCR3 = 0x103e,
    /// MMCRA.
    MMCRA = 0x103f,
    /// SIER.
    SIER = 0x1040,
    /// SIER2.
    SIER2 = 0x1041,
    /// SIER3.
    SIER3 = 0x1042,
    /// BESCR.
    BESCR = 0x1043,
    /// EBBHR.
    EBBHR = 0x1044,
    /// EBBRR.
    EBBRR = 0x1045,
    /// AMR.
    AMR = 0x1046,
    /// IAMR.
    IAMR = 0x1047,
    /// AMOR.
    AMOR = 0x1048,
    /// UAMOR.
    UAMOR = 0x1049,
    /// SDAR.
    SDAR = 0x104a,
    /// SIAR.
    SIAR = 0x104b,
    /// DSCR.
    DSCR = 0x104c,
    /// TAR.
    TAR = 0x104d,
    /// DEXCR.
    DEXCR = 0x104e,
    /// HDEXCR.
    HDEXCR = 0x104f,
    /// HASHKEYR.
    HASHKEYR = 0x1050,
    /// HASHPKEYR.
    HASHPKEYR = 0x1051,
    /// CTRL.
    CTRL = 0x1052,
    /// DPDES.
    DPDES = 0x1053,
    /// CR.
    CR = 0x2000,
    /// PIDR.
    PIDR = 0x2001,
    /// DSISR.
    DSISR = 0x2002,
    /// VSCR.
    VSCR = 0x2003,
    /// VRSAVE.
    VRSAVE = 0x2004,
    /// DAWRX0.
    DAWRX0 = 0x2005,
    /// DAWRX1.
    DAWRX1 = 0x2006,
    /// PMC1.
    PMC1 = 0x2007,
    /// PMC2.
    PMC2 = 0x2008,
    /// PMC3.
    PMC3 = 0x2009,
    /// PMC4.
    PMC4 = 0x200a,
    /// PMC5.
    PMC5 = 0x200b,
    /// PMC6.
    PMC6 = 0x200c,
    /// WORT.
    WORT = 0x200d,
    /// PSPB.
    PSPB = 0x200e,
    /// VSX register 0; the others follow.
    VSR0 = 0x3000,
    /// HDAR.
    HDAR = 0xf000,
    /// HDSISR.
    HDSISR = 0xf001,
    /// HEIR.
    HEIR = 0xf002,
    /// ASDR.
    ASDR = 0xf003,
}

impl Id {
    /// The element with this number.
    pub const fn from_raw(id: u16) -> Self {
        Self(id)
    }

    /// The number.
    pub const fn raw(self) -> u16 {
        self.0
    }

    /// The `n`th of the elements that follow this one.
    pub const fn plus(self, n: u16) -> Self {
        Self(self.0.wrapping_add(n))
    }

    /// Bytes of its value. `None` if the element is not known.
    pub const fn size(self) -> Option<usize> {
        Some(match self.0 {
            1 | 2 | 4 | 0x800..=0x804 | 0xc02 | 0x1000..=0x1053 | 0xf000 | 0xf003 => 8,
            3 | 0x2000..=0x200e | 0xf001 | 0xf002 => 4,
            5 => 24,
            6 | 0xc00 | 0xc01 | 0x3000..=0x303f => 16,
            _ => return None,
        })
    }

    /// Of what it tells.
    pub const fn scope(self) -> Scope {
        match self.0 {
            0..=0x7ff => Scope::Guest,
            0x800..=0xbff => Scope::Host,
            _ => Scope::Vcpu,
        }
    }
}

/// The count of elements.
const HEADER: usize = 4;
/// Id and size of an element.
const PREFIX: usize = 4;

/// The buffer has no room for an element.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// Makes a buffer.
pub struct Writer<'a> {
    buffer: &'a mut [u8],
    used: usize,
    count: u32,
}

impl<'a> Writer<'a> {
    /// An empty buffer. Returns `Full` if there is no room for even that.
    pub fn new(buffer: &'a mut [u8]) -> Result<Self, Full> {
        buffer.get_mut(..HEADER).ok_or(Full)?.fill(0);
        Ok(Self {
            buffer,
            used: HEADER,
            count: 0,
        })
    }

    /// Adds an element of `N` bytes.
    #[inline]
    fn put<const N: usize>(&mut self, id: Id, value: [u8; N]) -> Result<(), Full> {
        let element = self.buffer.get_mut(self.used..).ok_or(Full)?;
        let (prefix, rest) = element.split_first_chunk_mut::<PREFIX>().ok_or(Full)?;
        let to = rest.first_chunk_mut::<N>().ok_or(Full)?;
        let [id_high, id_low] = id.0.to_be_bytes();
        let [size_high, size_low] = (N as u16).to_be_bytes();
        *prefix = [id_high, id_low, size_high, size_low];
        *to = value;
        self.used += PREFIX + N;
        self.count += 1;
        if let Some(header) = self.buffer.first_chunk_mut::<HEADER>() {
            *header = self.count.to_be_bytes();
        }
        Ok(())
    }

    /// Adds an element of 4 bytes.
    #[inline]
    pub fn put_u32(&mut self, id: Id, value: u32) -> Result<(), Full> {
        self.put(id, value.to_be_bytes())
    }

    /// Adds an element of 8 bytes.
    #[inline]
    pub fn put_u64(&mut self, id: Id, value: u64) -> Result<(), Full> {
        self.put(id, value.to_be_bytes())
    }

    /// Adds an element of two doublewords: a VSX register, or a buffer's address and size.
    pub fn put_pair(&mut self, id: Id, value: [u64; 2]) -> Result<(), Full> {
        let [a, b] = value;
        self.put(id, (u128::from(a) << 64 | u128::from(b)).to_be_bytes())
    }

    /// Adds an element of three doublewords.
    pub fn put_triple(&mut self, id: Id, value: [u64; 3]) -> Result<(), Full> {
        let mut bytes = [0; 24];
        for (to, from) in bytes.chunks_exact_mut(8).zip(value) {
            to.copy_from_slice(&from.to_be_bytes());
        }
        self.put(id, bytes)
    }

    /// How many elements there are.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Bytes that the buffer has now.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether there is no element.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// An element's value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Value {
    /// 4 bytes, or 8.
    Int(u64),
    /// 16 bytes: two doublewords.
    Pair([u64; 2]),
    /// 24 bytes, which nothing is read of.
    Triple,
}

impl Value {
    /// The integer; a pair's first doubleword.
    pub const fn int(self) -> u64 {
        match self {
            Self::Int(value) => value,
            Self::Pair([first, _]) => first,
            Self::Triple => 0,
        }
    }

    /// The pair; an integer as its first doubleword.
    pub const fn pair(self) -> [u64; 2] {
        match self {
            Self::Pair(pair) => pair,
            _ => [self.int(), 0],
        }
    }
}

/// A buffer that is no buffer: it ends within an element, or an element has another size than its id tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// Reads a buffer. Elements with ids that are not known are left out.
pub struct Reader<'a> {
    rest: &'a [u8],
    left: u32,
}

impl<'a> Reader<'a> {
    /// Starts with the first element.
    pub fn new(buffer: &'a [u8]) -> Result<Self, Malformed> {
        let (header, rest) = buffer.split_first_chunk().ok_or(Malformed)?;
        Ok(Self {
            rest,
            left: u32::from_be_bytes(*header),
        })
    }

    #[inline]
    fn element(&mut self) -> Result<Option<(Id, Value)>, Malformed> {
        let (&[a, b, c, d], rest) = self.rest.split_first_chunk().ok_or(Malformed)?;
        let id = Id(u16::from_be_bytes([a, b]));
        let size = usize::from(u16::from_be_bytes([c, d]));
        let (bytes, rest) = rest.split_at_checked(size).ok_or(Malformed)?;
        self.rest = rest;
        let Some(expected) = id.size() else {
            return Ok(None);
        };
        if size != expected {
            return Err(Malformed);
        }
        let value = if let Ok(bytes) = bytes.try_into() {
            Value::Int(u64::from_be_bytes(bytes))
        } else if let Ok(bytes) = bytes.try_into() {
            Value::Int(u32::from_be_bytes(bytes).into())
        } else if let Ok(bytes) = bytes.try_into() {
            let pair = u128::from_be_bytes(bytes);
            Value::Pair([(pair >> 64) as u64, pair as u64])
        } else {
            Value::Triple
        };
        Ok(Some((id, value)))
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<(Id, Value), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        while self.left != 0 {
            self.left -= 1;
            match self.element() {
                Ok(None) => {}
                Ok(Some(element)) => return Some(Ok(element)),
                Err(malformed) => {
                    self.left = 0;
                    return Some(Err(malformed));
                }
            }
        }
        None
    }
}
