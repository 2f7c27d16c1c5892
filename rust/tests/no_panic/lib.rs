// SPDX-License-Identifier: GPL-2.0

//! Every function of the library that has work to do, made concrete and exported, so that it is compiled.

#![no_std]

use core::mem::MaybeUninit;
use kvm_ppc_pure::{
    emulate::{
        doorbell, e44x, mmio, privileged,
        regs::RegisterFile,
        reservation::{self, reserving, Reserving, LOOK_BACK},
        tm, trapped,
    },
    isa::{
        e44x::{
            ivor::Ivor,
            tlbe::{Space, Tlbe, TLB_SIZE},
        },
        fscr::Fscr,
        hcall, hcall_args, hpte,
        insn::Insn,
        lpcr::Lpcr,
        msr::Msr,
        pvr, radix_walk, rpte, slb,
        spr::Spr,
        tce,
    },
};

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {
        core::hint::spin_loop();
    }
}

/// Guest memory: a doubleword at an address.
type Read = extern "C" fn(u64) -> u64;

#[no_mangle]
pub fn mmio_decode(insn: &Insn, regs: &RegisterFile, plan: &mut MaybeUninit<mmio::Plan>) -> bool {
    mmio::decode(*insn, regs).map(|p| plan.write(p)).is_ok()
}

#[no_mangle]
pub fn mmio_step(plan: &mmio::Plan, step: &mut MaybeUninit<mmio::Step>) {
    step.write(plan.step());
}

#[no_mangle]
pub fn mmio_supply(plan: &mut mmio::Plan, bytes: &[u8]) {
    plan.supply(bytes);
}

#[no_mangle]
pub fn mmio_wrote(plan: &mut mmio::Plan) {
    plan.wrote();
}

#[no_mangle]
pub fn mmio_finish(plan: &mmio::Plan, regs: &mut RegisterFile) -> bool {
    plan.finish(regs).is_ok()
}

#[no_mangle]
pub fn doorbell_decode(insn: &Insn, regs: &RegisterFile) -> bool {
    doorbell::decode(*insn, regs).is_some()
}

#[no_mangle]
pub fn privileged_decode(insn: &Insn) -> bool {
    privileged::decode(*insn)
        .and_then(privileged::Privileged::privilege)
        .is_some()
}

#[no_mangle]
pub fn trapped_instruction(msr: u64, cause: u64, insn: &Insn, doubt: &mut trapped::Doubt) -> bool {
    let facility = Fscr::EMPTY.with_cause(cause & 0xff).facility();
    let cause = match cause >> 8 {
        0 => trapped::Cause::Refused,
        1 => trapped::Cause::SystemCall,
        _ => trapped::Cause::Unavailable(facility),
    };
    let trapped = trapped::Trapped::new(Msr::from_raw(msr), cause);
    match trapped.instruction(*insn) {
        Some(executing) => {
            doubt.dispel();
            let spr = executing.insn().spr();
            executing.state().read(spr) == executing.state().write(spr)
        }
        None => doubt.insists(msr, *insn),
    }
}

#[no_mangle]
pub fn reservation_ahead(words: &[u32]) -> bool {
    reservation::is_concluded(words.iter().copied())
}

#[no_mangle]
pub fn tm_emulate(insn: &Insn, state: &tm::State, outcome: &mut MaybeUninit<tm::Outcome>) {
    outcome.write(tm::execute(*insn, state));
}

#[no_mangle]
pub fn radix_translate(
    context: &radix_walk::Context,
    ea: u64,
    access: radix_walk::Access,
    read: Read,
) -> u64 {
    radix_walk::translate(context, ea, access, |a| Some(read(a))).map_or(0, |page| page.real)
}

#[no_mangle]
pub fn radix_walk_tree(root: u64, bits: u64, address: u64, read: Read) -> u64 {
    radix_walk::walk_tree(root, bits, address, |a| Some(read(a))).map_or(0, |page| page.real)
}

#[no_mangle]
pub fn geometry(page_shift: u32, level: rpte::Level, address: u64, table: u64) -> u64 {
    let Some(geometry) = rpte::Geometry::for_page_shift(page_shift) else {
        return 0;
    };
    let index = geometry.index(level, address) as u64;
    index ^ geometry.table_bytes(level) as u64 ^ geometry.directory(level, table).raw()
}

#[no_mangle]
pub fn process_table(base: u64, shift: u32) -> u64 {
    rpte::Patb1::radix(base, shift).table_bytes().unwrap_or(0)
}

#[no_mangle]
pub fn hash_find(slbe: &slb::Slbe, ea: u64, mask: u64, read: Read) -> u64 {
    hpte::find(*slbe, ea, mask, true, |i| {
        Some(hpte::Hpte::from_v3(read(i), read(!i)))
    })
    .map_or(0, |(index, hpte)| {
        index ^ hpte.real(ea).unwrap_or(0) ^ hpte.virtual_page(index).map_or(0, |va| va.offset)
    })
}

#[no_mangle]
pub fn hash_new(va: &slb::VirtualAddress, sizes: &hpte::PageSizes, real: u64, bits: u64) -> u64 {
    let (v, r) = hpte::Hpte::new(*va, real, *sizes, hpte::HpteR::from_raw(bits))
        .unwrap_or_default()
        .to_v3();
    v ^ r ^ hpte::hash(*va, sizes.base)
}

#[no_mangle]
pub fn hash_check(hpte: &hpte::Hpte, segment: u64, amr: u64, iamr: u64, access: u64) -> bool {
    let access = match access {
        0 => radix_walk::Access::Fetch,
        1 => radix_walk::Access::Load,
        _ => radix_walk::Access::Store,
    };
    hpte.check(
        slb::SlbVsid::from_raw(segment),
        amr & 1 != 0,
        amr,
        iamr,
        access,
    )
    .is_ok()
}

#[no_mangle]
pub fn registers(msr: u64, value: u64, number: u16) -> u64 {
    let old = Msr::from_raw(msr);
    let lpcr = Lpcr::from_raw(value).user_write(Lpcr::USER, Lpcr::from_raw(msr), true, false);
    old.after_rfid(value).raw()
        ^ old.after_mtmsrd(value).raw()
        ^ old.after_mtmsr(value).raw()
        ^ old.at_interrupt(true, lpcr.interrupts_relocated(old)).raw()
        ^ u64::from(Spr::from_raw(number).name().is_some())
        ^ hcall::Hcall::from_raw(value).papr_index().unwrap_or(0) as u64
        ^ hcall_args::RptPages::from_raw(value)
            .shifts()
            .map(u64::from)
            .fold(0, |a, b| a ^ b)
}

#[no_mangle]
pub fn tce_index(shift: u32, first: u64, entries: u64, ioba: u64, count: u64) -> u64 {
    tce::Window::new(shift, first, entries)
        .and_then(|window| window.index(ioba, count).filter(|i| window.aligned(*i)))
        .unwrap_or(0)
}

#[no_mangle]
pub fn compatibility(pvr: u32, logical: u32) -> u64 {
    let host = pvr::Pvr::from_raw(pvr).arch();
    let guest = pvr::LogicalPvr::from_raw(logical).arch();
    match (host, guest) {
        (Some(host), Some(guest)) => pvr::Pcr::for_guest(host, guest).map_or(0, pvr::Pcr::raw),
        _ => 0,
    }
}

/// A 440's kernel's registers and TLB.
type E44xState = e44x::state::State<&'static mut [Tlbe]>;

/// The program's registers.
pub struct E44xRegisters([u32; 35]);

impl e44x::state::Registers for E44xRegisters {
    fn gpr(&self, n: u8) -> u32 {
        self.0.get(usize::from(n)).copied().unwrap_or(0)
    }

    fn set_gpr(&mut self, n: u8, value: u32) {
        if let Some(gpr) = self.0.get_mut(usize::from(n)) {
            *gpr = value;
        }
    }

    fn cr(&self) -> u32 {
        self.gpr(32)
    }

    fn set_cr(&mut self, value: u32) {
        self.set_gpr(32, value);
    }

    fn xer(&self) -> u32 {
        self.gpr(33)
    }

    fn nip(&self) -> u32 {
        self.gpr(34)
    }

    fn set_nip(&mut self, value: u32) {
        self.set_gpr(34, value);
    }
}

#[no_mangle]
pub fn e44x_new(to: &mut MaybeUninit<E44xState>, entries: &'static mut [Tlbe], id: u32) {
    to.write(E44xState::new(id, id, id.into(), entries));
}

#[no_mangle]
pub fn e44x_execute(
    state: &mut E44xState,
    regs: &mut E44xRegisters,
    insn: &Insn,
    now: u64,
    outcome: &mut MaybeUninit<e44x::privileged::Outcome>,
) {
    outcome.write(e44x::privileged::execute(state, regs, *insn, now));
}

#[no_mangle]
pub fn e44x_interrupt(state: &mut E44xState, regs: &mut E44xRegisters, n: u32, ea: u32, now: u64) {
    let lines = e44x::interrupt::Lines {
        critical: n & 1 != 0,
        external: n & 2 != 0,
    };
    state.timer.update(now);
    let reset = state.timer.take_reset().map_or(0, |reset| reset.0);
    let deadline = state.timer.deadline().unwrap_or(0);
    if let Some(ivor) = state.pending(lines).or(Ivor::from_number(n)) {
        state.data_interrupt(regs, ivor, ea, reset ^ deadline as u32);
    }
}

#[no_mangle]
pub fn reservation_before(
    words: &[u32; LOOK_BACK as usize],
    found: &mut MaybeUninit<Option<Reserving>>,
) {
    found.write(reserving(words.iter().copied()));
}

/// The TLB that the shadow's record is about.
pub struct E44xTlb([Tlbe; TLB_SIZE]);

impl e44x::shadow::Hardware for E44xTlb {
    fn write(&mut self, index: usize, tlbe: &Tlbe) {
        if let Some(e) = self.0.get_mut(index) {
            *e = *tlbe;
        }
    }

    fn invalidate(&mut self, index: usize) {
        self.write(index, &Tlbe::INVALID);
    }
}

type E44xShadow = e44x::shadow::ShadowTlb<
    &'static mut [Option<e44x::shadow::Slot>],
    &'static mut [Option<e44x::shadow::Context>],
>;

#[no_mangle]
pub fn e44x_map(
    shadow: &mut E44xShadow,
    hw: &mut E44xTlb,
    context: &e44x::shadow::Context,
    mapping: &e44x::shadow::Mapping,
) {
    let pid = shadow.context(*context, hw);
    shadow.insert(&e44x::shadow::Mapping { pid, ..*mapping }, hw);
}

#[no_mangle]
pub fn e44x_unmap(shadow: &mut E44xShadow, hw: &mut E44xTlb, gpa: u64, entry: u8) -> bool {
    let gpas = gpa..gpa.wrapping_add(4096);
    let mut last = 0;
    shadow.remove_entry(0, entry, hw);
    shadow.remove_range(&gpas, entry & 1 != 0, hw, |page| last = page.gpa);
    shadow.forget();
    shadow.maps(&gpas) || last != 0
}

#[no_mangle]
pub fn e44x_translate(state: &E44xState, ea: u32, pid: u8) -> u64 {
    let space = Space {
        ts: pid & 1 != 0,
        pid,
    };
    state.tlb.find(ea, space).map_or(0, |f| f.tlbe.real_of(ea))
}
