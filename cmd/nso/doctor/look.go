// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"bufio"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"nso.example/nso/client"
	"nso.example/nso/config"
	"nso.example/nso/internal/portowner"
)

// Files that tell which packages are there.
const (
	PAMService    = "/etc/pam.d/nso"
	PolkitActions = "/usr/share/polkit-1/actions/org.nso.policy"
)

// Look gathers the facts. It takes some seconds at most, whatever hangs.
func Look(ctx context.Context, version string) *Facts {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	f := &Facts{Now: time.Now(), Version: version, Root: os.Geteuid() == 0, Caller: strconv.Itoa(os.Geteuid()),
		Users: map[string]bool{}, Files: map[string]bool{}, Folders: map[string]error{}, Units: map[string]Unit{}}
	if u, err := user.Current(); err == nil {
		f.Caller = u.Username
	}
	for _, file := range []string{PAMService, PolkitActions} {
		_, err := os.Lstat(file)
		f.Files[file] = err == nil
	}
	conf := f.config()
	f.accounts(conf)
	f.IPC, f.Folder = look(conf.IPC.Path), look(filepath.Dir(conf.IPC.Path))
	f.Config.StateDir, f.Disk = conf.State.Dir, disk(conf.State.Dir)
	f.systemd(ctx)
	if u := f.Units["nso.service"]; u.PID != 0 {
		f.Process = process(u.PID)
		if f.IPC.Exists {
			f.Answer = answer(ctx, conf.IPC.Path)
		}
	}
	f.doors(conf)
	return f
}

// config reads what is in force, and what would be after "nso reload". What
// cannot be read counts as the defaults, and is told.
func (f *Facts) config() *config.Config {
	c := &f.Config
	c.Path = look(config.File)
	conf, file, err := config.InForce(config.Applied, config.File)
	c.File, c.Error = file, err
	if errors.Is(err, fs.ErrPermission) {
		c.Unseen = true
	}
	if conf == nil {
		return config.Default()
	}
	if file != config.File {
		edited, err := config.Edited(config.File)
		switch {
		case errors.Is(err, fs.ErrPermission):
		case err != nil:
			c.Edited = err
		default:
			c.Differs = len(config.Changes(conf, edited)) > 0
		}
	}
	for _, dir := range conf.YANG.Path {
		_, err := os.ReadDir(dir)
		if !errors.Is(err, fs.ErrPermission) {
			f.Folders[dir] = err
		}
	}
	return conf
}

func (f *Facts) accounts(conf *config.Config) {
	_, err := user.Lookup("nso")
	f.Users["nso"] = err == nil
	_, err = user.LookupGroup("nso-users")
	f.Users["nso-users"] = err == nil
	f.Group = conf.IPC.Group
	group, err := user.LookupGroup(f.Group)
	if err != nil {
		return
	}
	lines("/etc/group", func(field []string) {
		if len(field) == 4 && field[0] == group.Name && field[3] != "" {
			f.Members = append(f.Members, strings.Split(field[3], ",")...)
		}
	})
	lines("/etc/passwd", func(field []string) {
		if len(field) == 7 && field[3] == group.Gid && !slices.Contains(f.Members, field[0]) {
			f.Members = append(f.Members, field[0])
		}
	})
	// The daemon's own users do not count as somebody who can connect.
	f.Members = slices.DeleteFunc(f.Members, func(m string) bool { return m == "nso" || strings.HasPrefix(m, "nso-") })
	slices.Sort(f.Members)
}

// lines calls f with the fields of each line of passwd(5) or group(5).
func lines(file string, f func([]string)) {
	r, err := os.Open(file)
	if err != nil {
		return
	}
	defer r.Close()
	for s := bufio.NewScanner(r); s.Scan(); {
		f(strings.Split(s.Text(), ":"))
	}
}

func look(name string) Path {
	p := Path{Name: name}
	info, err := os.Lstat(name)
	if err != nil {
		return p
	}
	p.Exists, p.Mode = true, info.Mode()
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		p.OwnerID = st.Uid
		p.Owner, p.Group = strconv.Itoa(int(st.Uid)), strconv.Itoa(int(st.Gid))
		if u, err := user.LookupId(p.Owner); err == nil {
			p.Owner = u.Username
		}
		if g, err := user.LookupGroupId(p.Group); err == nil {
			p.Group = g.Name
		}
	}
	return p
}

func disk(dir string) (d Disk) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		d.Error = &fs.PathError{Op: "statfs", Path: dir, Err: err}
		return d
	}
	size := uint64(st.Bsize)
	return Disk{Free: st.Bavail * size, Size: st.Blocks * size, FreeNodes: st.Ffree, Node: st.Files,
		ReadOnly: st.Flags&unix.ST_RDONLY != 0}
}

// process reads proc_pid_status(5).
func process(pid uint32) Process {
	p := Process{PID: pid, Descriptors: -1}
	dir := "/proc/" + strconv.Itoa(int(pid))
	text, err := os.ReadFile(dir + "/status")
	if err != nil {
		return p
	}
	p.Seen = true
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		switch {
		case key == "Uid":
			p.UIDs = strings.Fields(value)
		case strings.HasPrefix(key, "Cap"):
			p.Capabilities = p.Capabilities || strings.Trim(value, "0") != ""
		case key == "NoNewPrivs":
			p.NoNewPrivs = value == "1"
		}
	}
	p.Seen = len(p.UIDs) > 0
	if open, err := os.ReadDir(dir + "/fd"); err == nil {
		p.Descriptors = len(open)
	}
	return p
}

// answer asks what everybody who can connect may ask.
func answer(ctx context.Context, path string) (a Answer) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	a.Asked = true
	c, err := client.Dial(ctx, path)
	if err != nil {
		a.Error = err
		return a
	}
	defer c.Close()
	var info struct {
		Version string `json:"version"`
	}
	var who struct {
		User  string `json:"user"`
		Admin bool   `json:"admin"`
	}
	a.Error = errors.Join(c.Call(ctx, "org.varlink.service.GetInfo", nil, &info), c.Call(ctx, "org.nso.Control.WhoAmI", nil, &who))
	a.Version, a.User, a.Admin = info.Version, who.User, who.Admin
	return a
}

func (f *Facts) doors(conf *config.Config) {
	for _, d := range conf.Listen.Doors() {
		if !d.Enabled {
			continue
		}
		door := Door{Name: d.Name}
		for _, a := range d.Address {
			door.Addresses = append(door.Addresses, a.String())
		}
		// Where the door is open, systemd itself is the owner.
		if f.Systemd.Version != "" && f.Units["nso-listen@"+d.Name+".socket"].Active != "active" {
			owners, _ := portowner.Find(d.Address...) // what may not be seen is no finding
			for _, o := range owners {
				door.Taken = append(door.Taken, o.Wanted.String()+" is held by "+o.String())
			}
		}
		f.Doors = append(f.Doors, door)
	}
}
