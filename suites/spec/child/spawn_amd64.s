#include "textflag.h"

// Offsets in op, see program.go.
#define op_next 0
#define op_kind 8
#define op_nr 16
#define op_args 24
#define op_refs 72
#define op_value 120
#define op_errno 128
#define op_done 136
#define op_subject 144

#define opFork 1
#define opUntilZero 2
#define opRepeat 3
#define opStamp 4
#define opNothing 5
#define opTouch 6
#define opHandler 7

// Numbers of system calls, arch/x86/entry/syscalls/syscall_64.tbl.
#define sys_close 3
#define sys_mmap 9
#define sys_rt_sigreturn 15
#define sys_pread64 17
#define sys_clone 56
#define sys_fcntl 72
#define sys_setpgid 109
#define sys_prctl 157
#define sys_exit_group 231
#define sys_dup3 292
#define sys_execveat 322

#define arenaFD 999

// interpreter is the whole program of a spawned process. It is never called: its bytes are copied
// into an executable of their own, so it must not depend on where it lies, on Go, or on a stack.
TEXT ·interpreter(SB), NOSPLIT|NOFRAME, $0-0
	// pread(arenaFD, {address, size, first op}, 24, 0), then map it where the parent has it.
	SUBQ $64, SP
	MOVQ $sys_pread64, AX
	MOVQ $arenaFD, DI
	MOVQ SP, SI
	MOVQ $24, DX
	XORQ R10, R10
	SYSCALL
	MOVQ $sys_mmap, AX
	MOVQ 0(SP), DI
	MOVQ 8(SP), SI
	MOVQ $3, DX    // PROT_READ|PROT_WRITE
	MOVQ $0x11, R10 // MAP_SHARED|MAP_FIXED
	MOVQ $arenaFD, R8
	XORQ R9, R9
	SYSCALL
	MOVQ 16(SP), BX // the descriptor stays open, for Program.Exec
	XORQ R12, R12   // the last call's error

next:
	TESTQ BX, BX
	JZ    end
	CMPQ  op_kind(BX), $opUntilZero
	JEQ   must
	CMPQ  op_kind(BX), $opRepeat
	JEQ   repeat
	XORQ  CX, CX

refs:
	MOVQ  op_refs(BX)(CX*8), R13
	TESTQ R13, R13
	JZ    plain
	MOVQ  op_value(R13), R14
	MOVQ  R14, op_args(BX)(CX*8)

plain:
	INCQ CX
	CMPQ CX, $6
	JLT  refs

	MOVQ op_nr(BX), AX
	MOVQ (op_args+0)(BX), DI
	MOVQ (op_args+8)(BX), SI
	MOVQ (op_args+16)(BX), DX
	MOVQ (op_args+24)(BX), R10
	MOVQ (op_args+32)(BX), R8
	MOVQ (op_args+40)(BX), R9
	CMPQ op_kind(BX), $opNothing
	JEQ  nothing
	JGT  other
	SYSCALL

	// From here on a call and opNothing, which measures it, are the same.
called:
	CMPQ  op_kind(BX), $opStamp
	JEQ   advance
	CMPQ  op_kind(BX), $opFork
	JNE   store
	TESTQ AX, AX
	JNZ   store
	MOVQ  $sys_prctl, AX
	MOVQ  $1, DI    // PR_SET_PDEATHSIG
	MOVQ  $9, SI    // SIGKILL
	SYSCALL
	XORQ  R12, R12
	MOVQ  op_subject(BX), BX
	JMP   next

store:
	XORQ R12, R12
	CMPQ AX, $-4095
	JCS  good
	NEGQ AX
	MOVQ AX, R12
	MOVQ $-1, AX

good:
	MOVQ AX, op_value(BX)
	MOVQ R12, op_errno(BX)

done:
	MOVQ $1, op_done(BX)
	MOVQ op_next(BX), BX
	JMP  next

nothing:
	XORQ AX, AX
	JMP  called

advance:
	MOVQ (op_args+40)(BX), R13
	ADDQ R13, (op_args+8)(BX)
	JMP  store

other:
	CMPQ op_kind(BX), $opHandler
	JEQ  handler
	ADDQ DI, SI

touch:
	CMPQ  DI, SI
	JCC   touched
	TESTQ DX, DX
	JZ    load
	MOVB  $1, (DI)
	ADDQ  $4096, DI
	JMP   touch

load:
	MOVB (DI), AL
	ADDQ $4096, DI
	JMP  touch

touched:
	XORQ AX, AX
	JMP  store

handler:
	// The place behind the CALL is the handler, and the one behind that its way back, sa_restorer.
	// The assembler calls no label, so the bytes stand here: the CALL goes over the next 8.
	BYTE $0xe8; LONG $8
	BYTE $0xc3                           // RET
	BYTE $0xb8; LONG $sys_rt_sigreturn   // MOVL $sys_rt_sigreturn, AX
	SYSCALL
	POPQ AX
	MOVQ AX, 0(DI)
	INCQ AX
	MOVQ AX, 16(DI)
	XORQ AX, AX
	JMP  store

again:
	MOVQ (op_args+8)(BX), R13
	MOVQ R13, op_args(BX)
	JMP  done

repeat:
	CMPQ op_args(BX), $0
	JEQ  again
	DECQ op_args(BX)
	MOVQ op_subject(BX), BX
	JMP  next

must:
	TESTQ R12, R12
	JZ    done
	MOVQ  $1, DI
	JMP   exit

end:
	XORQ DI, DI

exit:
	MOVQ $sys_exit_group, AX
	SYSCALL
	JMP  exit

// func interpreterCode() uintptr
TEXT ·interpreterCode(SB), NOSPLIT, $0-8
	LEAQ ·interpreter(SB), AX
	MOVQ AX, ret+0(FP)
	RET

// func vforkExec(flags, executable, arena, maxFD uintptr, argv, envp unsafe.Pointer) uintptr
//
// The child shares this thread's stack until it executes, so it writes nothing there.
TEXT ·vforkExec(SB), NOSPLIT, $0-56
	MOVQ  flags+0(FP), DI
	MOVQ  executable+8(FP), R12
	MOVQ  arena+16(FP), R13
	MOVQ  maxFD+24(FP), R15
	MOVQ  argv+32(FP), R8
	MOVQ  envp+40(FP), R9
	XORQ  SI, SI
	XORQ  DX, DX
	XORQ  R10, R10
	MOVQ  $sys_clone, AX
	SYSCALL
	TESTQ AX, AX
	JZ    child
	MOVQ  AX, ret+48(FP)
	RET

child:
	MOVQ $sys_setpgid, AX
	XORQ DI, DI
	XORQ SI, SI
	SYSCALL
	MOVQ $sys_prctl, AX
	MOVQ $1, DI           // PR_SET_PDEATHSIG
	MOVQ $9, SI           // SIGKILL
	SYSCALL

	// Descriptors are the program's too, as over a fork.
	MOVQ $3, BX

inherit:
	MOVQ $sys_fcntl, AX
	MOVQ BX, DI
	MOVQ $2, SI           // F_SETFD
	XORQ DX, DX
	SYSCALL
	INCQ BX
	CMPQ BX, R15
	JLE  inherit

	MOVQ $sys_dup3, AX
	MOVQ R13, DI
	MOVQ $arenaFD, SI
	XORQ DX, DX
	SYSCALL
	MOVQ $sys_close, AX
	MOVQ R13, DI
	SYSCALL

	// execveat(executable, "", argv, envp, AT_EMPTY_PATH); the empty string is argv's own.
	MOVQ $sys_execveat, AX
	MOVQ R12, DI
	MOVQ 0(R8), SI
	MOVQ R8, DX
	MOVQ R9, R10
	MOVQ $0x1000, R8
	SYSCALL

giveUp:
	MOVQ $sys_exit_group, AX
	MOVQ $127, DI
	SYSCALL
	JMP  giveUp
