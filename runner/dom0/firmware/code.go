package firmware

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
	put(0xbe)                                                       // mov esi, paramsAt
	word(paramsAt)
	put(0x31, 0xed, 0x31, 0xff, 0x31, 0xdb) // xor ebp, ebp; xor edi, edi; xor ebx, ebx
	put(0xb8)                               // mov eax, kernel
	word(kernel)
	put(0xff, 0xe0) // jmp eax
	return b
}
