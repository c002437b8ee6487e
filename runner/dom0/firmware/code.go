package firmware

import "xtest/internal/xen"

// The global descriptor table lies before the code. Linux wants its segments at these selectors, flat.
const (
	codeSelector = 0x10
	dataSelector = 0x18
	flatCode     = 0x00cf9a000000ffff
	flatData     = 0x00cf92000000ffff
	tableSize    = dataSelector + 8
	entryOffset  = tableSize + 8 // behind the table and the pointer to it
)

// code makes the descriptor table and the program, which Xen enters in 32-bit protected mode without
// paging: it goes on at the kernel's 32-bit entry, Documentation/arch/x86/boot.rst.
func code(kernel uint32) []byte {
	b := make([]byte, entryOffset)
	le.PutUint64(b[codeSelector:], flatCode)
	le.PutUint64(b[dataSelector:], flatData)
	le.PutUint16(b[tableSize:], tableSize-1)
	le.PutUint32(b[tableSize+2:], codeAt)
	put := func(bytes ...byte) { b = append(b, bytes...) }
	word := func(v uint32) { b = le.AppendUint32(b, v) }
	put(0xfa, 0xfc)       // cli; cld
	put(0x0f, 0x01, 0x15) // lgdt [table]
	word(codeAt + tableSize)
	put(0xea) // jmp far codeSelector:next
	word(codeAt + uint32(len(b)) + 6)
	put(codeSelector, 0)
	put(0xb8) // mov eax, dataSelector
	word(dataSelector)
	put(0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0x8e, 0xe0, 0x8e, 0xe8) // mov ds, es, ss, fs, gs from eax
	b = append(b, calls()...)
	put(0xbe) // mov esi, paramsAt
	word(paramsAt)
	put(0x31, 0xed, 0x31, 0xff, 0x31, 0xdb) // xor ebp, ebp; xor edi, edi; xor ebx, ebx
	put(0xb8)                               // mov eax, kernel
	word(kernel)
	put(0xff, 0xe0) // jmp eax
	return b
}

// calls makes the part of the program that has Xen write its page of instructions and works through the table
// of calls: arguments in EBX, ECX, EDX, ESI, EDI, public/arch-x86/xen-x86_32.h.
func calls() []byte {
	var b []byte
	put := func(bytes ...byte) { b = append(b, bytes...) }
	word := func(v uint32) { b = le.AppendUint32(b, v) }
	put(0xbc) // mov esp, pageAt: the stack is below
	word(pageAt)
	put(0xb8) // mov eax, 0x40000002: EBX will be the page's MSR, public/arch-x86/cpuid.h
	word(0x40000002)
	put(0x0f, 0xa2, 0x89, 0xd9) // cpuid; mov ecx, ebx
	put(0xb8)                   // mov eax, pageAt
	word(pageAt)
	put(0x31, 0xd2, 0x0f, 0x30) // xor edx, edx; wrmsr
	put(0xbd)                   // mov ebp, the first call
	word(xen.EarlyCalls)
	loop := len(b)
	put(0x80, 0x7d, xen.EarlyState, xen.EarlyWanted) // cmp byte [ebp+EarlyState], EarlyWanted
	put(0x75, 0)                                     // jne end
	end := len(b)
	put(0x8b, 0x45, 0, 0xc1, 0xe0, 5, 0x05) // mov eax, [ebp]; shl eax, 5; add eax, pageAt: 32 bytes a call
	word(pageAt)
	put(0x8b, 0x5d, 4, 0x8b, 0x4d, 8, 0x8b, 0x55, 12, 0x8b, 0x75, 16, 0x8b, 0x7d, 20) // mov ebx, ecx, edx, esi, edi from [ebp+…]
	put(0x55, 0xff, 0xd0, 0x5d)                                                       // push ebp; call eax; pop ebp
	put(0x89, 0x45, xen.EarlyResult)                                                  // mov [ebp+EarlyResult], eax
	put(0xc6, 0x45, xen.EarlyState, xen.EarlyMade)                                    // mov byte [ebp+EarlyState], EarlyMade
	put(0x83, 0xc5, xen.EarlySize)                                                    // add ebp, EarlySize
	put(0xeb, byte(loop-len(b)-2))                                                    // jmp loop
	b[end-1] = byte(len(b) - end)
	return b
}
