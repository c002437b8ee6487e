package session

import "xtest/internal/kvm"

// Where micro guests have what calls point at.
const (
	microData   = kvm.Data
	microMemory = kvm.GuestMemory // nothing lies behind it
	microTables = 0x1000          // page tables: a guest may write them, and is the worse for it
)
