package firmware

// mpTableAt is where Linux looks for the tables of the MultiProcessor Specification, among other places.
const mpTableAt = 0xf0000

// mpTable makes the tables that say that there is a local APIC (MultiProcessor Specification 1.4, chapter 4): a
// Linux that finds none leaves its timer alone, Xen's included. Interrupts of devices there are none to tell of.
func mpTable() []byte {
	const (
		pointerSize = 16
		revision    = 4 // of the specification: 1.4
		localAPIC   = 0xfee00000
	)
	pointer := append([]byte("_MP_"), le.AppendUint32(nil, mpTableAt+pointerSize)...)
	pointer = append(pointer, pointerSize/16, revision, 0, 0, 0, 0, 0, 0)
	pointer[10] = complement(pointer)

	processor := make([]byte, 20)
	processor[2] = 0x14 // the version of its APIC
	processor[3] = 3    // it is enabled, and the one that boots
	isa := append([]byte{1, 0}, "ISA   "...)
	table := make([]byte, 44)
	copy(table, "PCMP")
	table[6] = revision
	copy(table[8:], "XTEST   HVM GUEST   ")
	le.PutUint16(table[34:], 2) // entries
	le.PutUint32(table[36:], localAPIC)
	table = append(append(table, processor...), isa...)
	le.PutUint16(table[4:], uint16(len(table)))
	table[7] = complement(table)
	return append(pointer, table...)
}

// complement is what makes the sum of all bytes 0.
func complement(b []byte) (c byte) {
	for _, v := range b {
		c -= v
	}
	return c
}
