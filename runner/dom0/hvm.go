package dom0

import (
	"errors"
	"fmt"
	"os"

	"xtest/internal/xen"
	"xtest/runner/dom0/devicemodel"
	"xtest/runner/dom0/firmware"
)

// firmwareFile is what an HVM guest is started with, and holds its kernel.
const firmwareFile = "/guest/firmware"

// deviceModelPath is where the toolstack finds this program as a device model.
const deviceModelPath = "/guest/" + devicemodel.Name

// hvmParams keep Linux from looking for what an HVM guest without firmware and devices does not have.
const hvmParams = "acpi=off noapic pci=conf1 nokaslr "

// hvmConfig is the part of xl.cfg(5) that is of HVM guests alone. To a device model of the traditional kind the
// toolstack says what it wants by the command line and Xenstore, to newer ones over a socket.
func hvmConfig() string {
	return fmt.Sprintf(`firmware_override = %q
device_model_version = %q
device_model_override = %q
vga = "none"
vnc = 0
xen_platform_pci = 0
`, firmwareFile, devicemodel.Version, deviceModelPath)
}

// writeFirmware makes what an HVM guest starts with, of the guests' kernel and their initial RAM file system.
func writeFirmware(file, initrd, line string) (err error) {
	kernel, err := os.ReadFile("/" + Kernel)
	if err != nil {
		return err
	}
	ram, err := os.Open(initrd)
	if err != nil {
		return err
	}
	defer ram.Close()
	st, err := ram.Stat()
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	err = firmware.Write(f, firmware.Image{Kernel: kernel, Initrd: ram, InitrdSize: st.Size(), CommandLine: line, Memory: guestMemory << 20, Calls: xen.Earlies()})
	return errors.Join(err, f.Close())
}

// modelSaid shows what the guest's device model said, which is why it ended.
func (g *guest) modelSaid() {
	text, err := os.ReadFile("/var/log/xen/qemu-dm-" + g.name + ".log") // as libxl names it
	if err == nil && len(text) > 0 {
		fmt.Fprintf(g.host.console, "xtest: the device model of %s said: %.500s\n", g.name, text)
	}
}

// modelDevices has the toolstack find this program as a device model.
func modelDevices() error {
	err := os.Symlink("/init", deviceModelPath)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	return err
}
