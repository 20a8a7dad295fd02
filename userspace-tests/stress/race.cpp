// SPDX-License-Identifier: GPL-2.0-or-later
#include "race.h"

#include <linux/if_ether.h>
#include <net/if.h>
#include <sys/mman.h>

#include <bit>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "support/faults.h"
#include "support/frame.h"
#include "support/leftovers.h"
#include "support/link.h"
#include "support/sys.h"
#include "support/traffic.h"

namespace xt::stress {
namespace {

using Clock = std::chrono::steady_clock;

int lo() {
    return int(::if_nametoindex("lo"));
}

} // namespace

NetNs create_namespace() {
    for (int tries = 100;; tries--) {
        try {
            NetNs ns = NetNs::create();
            ns.run([] { link::set_up(lo(), true); });
            return ns;
        } catch (const std::system_error& error) {
            if (tries == 0 || (error.code().value() != ENOMEM && error.code().value() != ENOBUFS))
                throw;
        }
    }
}

Race::Race(std::chrono::seconds duration) : duration_(duration), netns_(create_namespace()) {}

void Race::renew(const Target& target, Random& random) const {
    targets_.renew(target, random.once_in(3) ? Kind::cooked : Kind::packet, ETH_P_ALL);
}

void Race::run(const std::vector<Racer>& racers) {
    run(racers, [this](const Target& target, Random& random) { renew(target, random); });
}

void Race::run(const std::vector<Racer>& racers, const Opener& open) {
    std::vector<std::jthread> threads;
    uint64_t seed = std::random_device{}();
    netns_.run([&] {
        Random random(seed);
        for (const auto& target : targets_.all())
            open(target, random);
        end_ = Clock::now() + duration_;
        // threads begin in the namespace of the one that makes them
        for (const auto& racer : racers)
            threads.emplace_back([this, &racer, number = ++seed] { loop(racer, number); });
    });
    threads.clear();
    targets_.clear();
    std::string listening;
    netns_.run([&] {
        for (const auto& name : devices_that_listen_to_all())
            listening += " " + name;
    });
    require(listening.empty(), "no device is left promiscuous, but" + listening);
}

void Race::loop(const Racer& racer, uint64_t seed) {
    constexpr unsigned farthest = 24;
    Random random(seed);
    const OwnFaults faults;
    do { // once at least, however slow the machine
        const bool failing = random.once_in(3);
        try {
            if (failing)
                faults.fail_nth(unsigned(random.between(1, farthest)));
            racer(random);
        } catch (const std::system_error&) {
            // a call that failed
        } catch (const std::bad_alloc&) {
        } catch (const std::logic_error& broken) {
            require(false, broken.what());
        }
        if (failing)
            faults.stop();
        rounds_++;
    } while (Clock::now() < end_);
}

void Race::require(bool good, const std::string& promise) {
    const std::lock_guard guard(lock_);
    if (!good && failure_.empty())
        failure_ = promise;
}

std::string Race::failure() const {
    const std::lock_guard guard(lock_);
    return failure_;
}

std::chrono::seconds wanted_duration() {
    const char* text = std::getenv("XINET_STRESS_SECONDS");
    return std::chrono::seconds(text ? std::atoi(text) : 1);
}

Result run_class(const Class& one, std::chrono::seconds duration) {
    Race race(duration);
    one.run(race);
    race.require(race.rounds() > 0, "a round");
    return {race.rounds(), race.failure()};
}

Geometry good_ring(Random& random) {
    Geometry result{random.between(TPACKET_V1, TPACKET_V3), {}};
    tpacket_req3& request = result.request;
    request.tp_block_size = page << random.below(3);
    request.tp_block_nr = unsigned(random.between(1, 8));
    request.tp_frame_size = random.one_of<unsigned>({256, 512, 2048});
    request.tp_frame_nr = request.tp_block_size / request.tp_frame_size * request.tp_block_nr;
    if (result.version == TPACKET_V3) {
        request.tp_retire_blk_tov = unsigned(random.between(0, 4));
        request.tp_sizeof_priv = random.one_of<unsigned>({0, 16});
    }
    return result;
}

long set_ring(const Target& target, int option, const Geometry& ring) {
    return sys::setsockopt(target.fd, SOL_PACKET, option, &ring.request,
                           ring.version == TPACKET_V3 ? sizeof(tpacket_req3) : sizeof(tpacket_req));
}

long drop_ring(const Target& target, int option, int version) {
    return set_ring(target, option, {version, {}});
}

long set(const Target& target, int option, int value) {
    return sys::setsockopt(target.fd, SOL_PACKET, option, &value, sizeof(value));
}

long map(const Target& target, const Geometry& ring) {
    const size_t size = size_t(ring.request.tp_block_size) * ring.request.tp_block_nr;
    if (size > Targets::region_size)
        return -1;
    const void* result =
        ::mmap(target.region, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, target.fd, 0);
    return result == MAP_FAILED ? -1 : 0;
}

long poke(const Target& target, size_t offset, uint32_t value) {
    thread_local const Fd file(checked(::memfd_create("poke", MFD_CLOEXEC), "memfd_create"));
    if (offset + sizeof(value) > Targets::region_size)
        return -1;
    checked(::pwrite(file.get(), &value, sizeof(value), 0), "pwrite");
    return ::pread(file.get(), target.region + offset, sizeof(value), 0);
}

void request_sending(const Target& target, const Geometry& ring, unsigned frame, Random& random) {
    const size_t at = size_t(frame) * ring.request.tp_frame_size;
    const auto length = uint32_t(random.below(200));
    switch (ring.version) {
    case TPACKET_V1:
        poke(target, at + offsetof(tpacket_hdr, tp_len), length);
        // the lower half of a long
        poke(target,
             at + (std::endian::native == std::endian::big ? sizeof(long) - sizeof(uint32_t) : 0),
             TP_STATUS_SEND_REQUEST);
        break;
    case TPACKET_V2:
        poke(target, at + offsetof(tpacket2_hdr, tp_len), length);
        poke(target, at + offsetof(tpacket2_hdr, tp_status), TP_STATUS_SEND_REQUEST);
        break;
    default:
        poke(target, at + offsetof(tpacket3_hdr, tp_len), length);
        poke(target, at + offsetof(tpacket3_hdr, tp_status), TP_STATUS_SEND_REQUEST);
        break;
    }
}

long kick(const Target& target) {
    return sys::sendto(target.fd, nullptr, 0, MSG_DONTWAIT | MSG_NOSIGNAL, nullptr, 0);
}

long take(const Target& target) {
    uint8_t buffer[2048];
    return sys::recvfrom(target.fd, buffer, sizeof(buffer), MSG_DONTWAIT, nullptr, nullptr);
}

Race::Racer traffic() {
    return [](Random& random) {
        thread_local const Fd sender = open_socket(Side::sibling, Kind::packet, 0);
        const auto type = uint16_t(random.one_of<int>({ETH_P_IP, experimental_ethertype}));
        for (int i = 0; i < 8; i++) {
            const size_t size = random.once_in(8) ? 9000 : random.below(1500);
            send_to(sender.get(), ethernet(nobodys_mac, type, Bytes(size, 0x78)),
                    link_address(0, lo()), MSG_DONTWAIT);
        }
    };
}

} // namespace xt::stress
