// In C++: handles that clean up after themselves, and work in a thread that a term starts and ends.
//
//     scoped [GROUP [PIECES]]
#include <leasehold/leasehold.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

namespace {

template <auto destroy> struct Destroy {
    template <class T> void operator()(T *handle) const { destroy(handle); }
};
using Options = std::unique_ptr<leasehold_options, Destroy<leasehold_options_unref>>;
using Service = std::unique_ptr<leasehold_service, Destroy<leasehold_service_unref>>;

Service open()
{
    Options options(leasehold_options_new());
    leasehold_service *service = nullptr;
    if (leasehold_options_load_environment(options.get()) < 0 || leasehold_service_open(&service, options.get()) < 0)
        throw std::runtime_error(leasehold_options_error(options.get()));
    return Service(service);
}

class Worker {
public:
    Worker(leasehold_service *service, int pieces) : service_(service), pieces_(pieces) {}
    ~Worker() { stop(); }

    void start(std::string token)
    {
        stop_ = false;
        thread_ = std::thread([this, token = std::move(token)] {
            while (!stop_ && pieces_ > 0) {
                std::cout << "work, with fencing token " << token << std::endl;
                std::this_thread::sleep_for(std::chrono::milliseconds(50));
                if (--pieces_ == 0)
                    leasehold_service_stop(service_); // from any thread
            }
        });
    }

    void stop()
    {
        stop_ = true;
        if (thread_.joinable())
            thread_.join();
    }

private:
    leasehold_service *service_;
    std::atomic<int> pieces_;
    std::atomic<bool> stop_{false};
    std::thread thread_;
};

int on_event(void *user, const leasehold_event *event)
{
    auto *worker = static_cast<Worker *>(user);
    std::cout << leasehold_event_name(event) << ": " << leasehold_event_text(event) << std::endl;
    if (leasehold_event_kind(event) == LEASEHOLD_EVENT_STARTED_LEADING)
        worker->start(leasehold_event_token(event));
    if (leasehold_event_kind(event) == LEASEHOLD_EVENT_STOP_WORK) {
        worker->stop();
        leasehold_group_work_stopped(leasehold_event_group(event), leasehold_event_term(event));
    }
    return 0;
}

} // namespace

int main(int argc, char **argv)
try {
    Service service = open();
    Worker worker(service.get(), argc > 2 ? std::atoi(argv[2]) : 10);
    if (leasehold_group_open(nullptr, service.get(), argc > 1 ? argv[1] : "example", LEASEHOLD_CANDIDATE, nullptr) < 0)
        throw std::runtime_error("cannot stand for election");
    // The lease is kept in a thread of its own even while a handler joins a slow worker.
    leasehold_service_start_thread(service.get());
    return leasehold_service_run(service.get(), on_event, &worker) < 0 ? 1 : 0;
} catch (const std::exception &error) {
    std::cerr << error.what() << std::endl;
    return 1;
}
