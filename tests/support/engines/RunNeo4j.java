import java.nio.file.Path;
import java.time.Duration;
import org.neo4j.configuration.GraphDatabaseSettings;
import org.neo4j.configuration.connectors.BoltConnector;
import org.neo4j.configuration.helpers.SocketAddress;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.io.ByteUnit;

/** Starts a Neo4j Community server in a folder: `java -cp 'lib/*' RunNeo4j.java HOME PORT`. Ends in good order on SIGTERM. */
public class RunNeo4j {
  public static void main(String[] arguments) throws Exception {
    var address = new SocketAddress("127.0.0.1", Integer.parseInt(arguments[1]));
    var service = new DatabaseManagementServiceBuilder(Path.of(arguments[0]))
        .setConfig(BoltConnector.enabled, true)
        .setConfig(BoltConnector.listen_address, address)
        .setConfig(BoltConnector.advertised_address, address)
        .setConfig(GraphDatabaseSettings.auth_enabled, true)
        .setConfig(GraphDatabaseSettings.pagecache_memory, ByteUnit.mebiBytes(Long.parseLong(System.getProperty("zhengtong.pagecache", "128"))))
        .setConfig(GraphDatabaseSettings.keep_logical_logs, "keep_none")
        // Among a few nodes that come and go every plan looks outdated, and planning is what costs most then.
        .setConfig(GraphDatabaseSettings.query_statistics_divergence_threshold, Boolean.getBoolean("zhengtong.keepPlans") ? 1.0 : 0.75)
        .setConfig(GraphDatabaseSettings.shutdown_transaction_end_timeout, Duration.ofSeconds(1))
        .build();
    Runtime.getRuntime().addShutdownHook(new Thread(service::shutdown));
    System.out.println("ready");
    Thread.currentThread().join();
  }
}
